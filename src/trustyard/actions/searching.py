"""Search among certificates: text within names, facts and fingerprints, answered by indexes however many there are."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet

from trustyard import models
from trustyard.pki.names import fold, search_fold

from .counting import MOST, MOST_OF_LARGE, is_large
from .narrowing import ABOUT, MOST_NAMED, Fitting, counted_of, everything, expected, one_by_one, some

_Numbers = QuerySet[Any, tuple[int]]
LOOKED_THROUGH = 20_000  # entries of one environment that are read, where an index would find those of all


def matching(text: str, environment: models.Environment | None = None) -> Fitting:
    """Certificates that hold the text in a name, description, alias, subject, issuer, serial, fingerprint or SAN.

    Few are looked up by the indexes first: a condition over three tables could use none of them. Of many, the page that
    is asked for is met soon enough on the way along the list's own order. Where only one environment is asked for,
    others are not looked up.
    """
    asked, large = _conditions(text), is_large(models.Certificate)
    met = _met(asked, environment)
    if large:
        most = MOST_NAMED if expected(_together(met, repeated=True)) < ABOUT else 2 * MOST_OF_LARGE
        found = [pk for (pk,) in _together(met, repeated=True, most=most + 1)]
    else:
        most = MOST  # what a small table holds is counted by this look too
        found = [pk for (pk,) in _together(met)[: most + 1]]
    if len(found) <= (most if large else MOST_OF_LARGE):
        return Fitting(some(found), counted_of(found), few=True)
    rows = one_by_one(everything().rows, models.Entry.objects.filter(_any(asked.entries)), asked.definition)
    known = counted_of(found)
    return Fitting(rows, known if known.more or not large else rows)


class _Conditions(NamedTuple):
    """What a definition is found by, and what its entries are; each can use an index of its own."""

    definition: Q
    entries: list[Q]
    of_entry: Q  # the first, asked of an entry


def _conditions(text: str) -> _Conditions:
    folded = search_fold(text)
    entries = [Q(x509__search_text__contains=folded), Q(alias_key__contains=fold(text))]
    digits = text.replace(":", "").replace(" ", "").lower()
    if digits and all(c in "0123456789abcdef-" for c in digits):
        entries.append(Q(x509__serial_hex__contains=digits.lstrip("0") or "0"))
        entries += [Q(x509__sha256__startswith=digits), Q(x509__sha1__startswith=digits)]
    return _Conditions(Q(search_text__contains=folded), entries, Q(certificate__search_text__contains=folded))


def _met(asked: _Conditions, environment: models.Environment | None) -> list[_Numbers]:
    """What finds the numbers of those that are met: an index each, or all of them by reading one environment."""
    named, entries = models.Certificate.objects.order_by(), models.Entry.objects.order_by()
    if environment is not None:
        own = entries.filter(environment=environment)
        inside = own.values("certificate_id")
        if expected(own) <= LOOKED_THROUGH:
            met = entries.filter(_any([*asked.entries, asked.of_entry]), certificate__in=inside)
            return [met.values_list("certificate_id")]
        named, entries = named.filter(pk__in=inside), entries.filter(certificate__in=inside)
    # Most stands in what certificates say: where that is enough, nothing else is looked through.
    by_entries = [entries.filter(one).values_list("certificate_id") for one in asked.entries]
    return [*by_entries, named.filter(asked.definition).values_list("pk")]


def _together(met: Sequence[_Numbers], *, repeated: bool = False, most: int | None = None) -> _Numbers:
    """The ids that any of these queries finds, at most `most`; with `repeated`, an id may come twice.

    That is said of each by itself, too: otherwise PostgreSQL first joins all that an index finds.
    """
    if connection.features.supports_slicing_ordering_in_compound:
        met = [one[:most] for one in met]
    first, *others = met
    if others:
        return first.union(*others, all=repeated)[:most]
    return first[:most] if repeated else first.distinct()[:most]


def _any(conditions: list[Q]) -> Q:
    """One of them."""
    return functools.reduce(operator.or_, conditions)
