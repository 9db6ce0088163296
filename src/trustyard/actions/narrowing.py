"""Filters of certificates in tables of any size: few matches are found by an index, many along the list's order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL

from trustyard import models

from .counting import MOST_OF_LARGE, Counted, is_large, most_of, up_to

MOST_NAMED = 5_000  # where more fit, reading the list in its own order meets a page of them sooner than sorting them
ABOUT = 2 * MOST_NAMED  # up to this many expected matches, naming them is tried


class Fitting(NamedTuple):
    """The certificates that fit, in no order. `counted` is how many, or rows that are quicker to count."""

    rows: QuerySet[models.Certificate]
    counted: QuerySet[models.Certificate] | Counted
    few: bool = False  # they are named one by one, so that a further filter has little to read


def everything() -> Fitting:
    """All certificates."""
    rows = models.Certificate.objects.order_by()
    return Fitting(rows, rows)


def having(fitting: Fitting, entries: QuerySet[models.Entry]) -> Fitting:
    """Those of them that have one of these entries, which come in the order of an index where one finds them."""
    within = fitting.rows.filter(pk__in=entries.order_by().values("certificate_id"))
    if fitting.few or not is_large(models.Entry):
        return Fitting(within, within, fitting.few)
    numbers = entries.values_list("certificate_id", flat=True)
    most = ABOUT if expected(numbers) < ABOUT else 2 * MOST_OF_LARGE  # some may be of one certificate
    found = list(numbers[: most + 1])
    known = None if fitting.rows.query.where else counted_of(found)
    if len(found) <= most:
        rows = fitting.rows.filter(pk__in=listed(found))
        return Fitting(rows, known or rows, few=True)
    rows = one_by_one(fitting.rows, entries, Q())
    return Fitting(rows, known if known and known.more else within)


def one_by_one(
    rows: QuerySet[models.Certificate], entries: QuerySet[models.Entry], else_: Q
) -> QuerySet[models.Certificate]:
    """Those with one of these entries, each looked at on the way along the list's order.

    PostgreSQL may answer EXISTS and IN by reading all entries first, where it misjudges how many there are.
    """
    own = entries.order_by().filter(certificate=OuterRef("pk")).values("pk")[:1]
    return rows.alias(met=Subquery(own)).filter(else_ | Q(met__isnull=False))


def expected(rows: QuerySet[Any, Any]) -> int:
    """How many rows PostgreSQL expects, by its statistics of the columns; 0 on SQLite, which has none to ask."""
    if connection.vendor != "postgresql":
        return 0
    [plan] = json.loads(rows.order_by().explain(format="json"))
    return int(plan["Plan"]["Plan Rows"])


def some(found: Iterable[int]) -> QuerySet[models.Certificate]:
    """The certificates of these numbers."""
    return models.Certificate.objects.order_by().filter(pk__in=listed(found))


def counted_of(found: Iterable[int]) -> Counted:
    """How many certificates these numbers are, of which some are there more than once."""
    return up_to(most_of(models.Certificate), len(set(found)))


def listed(found: Iterable[int]) -> RawSQL:
    """The numbers as one parameter: as many parameters as numbers take longer to send than to look up."""
    numbers = sorted(set(found))
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [numbers])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(numbers)])
