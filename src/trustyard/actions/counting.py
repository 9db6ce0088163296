"""How many rows a list has: a whole list is counted exactly, a filtered one up to a limit."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from django.db.models import Model, QuerySet

from trustyard import models

MOST = 10_000  # of a filtered list; in a table that has had more than LARGE rows MOST_OF_LARGE
LARGE, MOST_OF_LARGE = 100_000, 1_000
LOOK_SECONDS = 10.0  # between two looks at how large a table is
_large: dict[str, tuple[float, bool]] = {}  # by table: when it was looked at, and what it was then
_whole: dict[str, tuple[str, int]] = {}  # by table: the head of the audit chain, and how many rows there were then


class Counted(NamedTuple):
    """A number of rows. Where there are `more`, `number` is one more than the limit up to which they were counted."""

    number: int
    more: bool = False


def counted(rows: QuerySet[Any] | Counted) -> Counted:
    """The number of rows, or what is known of it already: all of a whole list, of a filtered one up to a limit.

    A database counts rows by reading them, and reading what fits a filter is expensive: hundreds of thousands of rows
    for a figure that says "many". A whole list is counted by an index, and a long one again only after a change.
    """
    if isinstance(rows, Counted):
        return rows
    rows = rows.order_by()
    if rows.query.where:
        most = most_of(rows.model)
        return up_to(most, rows[: most + 1].count())
    table = rows.model._meta.db_table
    # Every change writes an audit event in its own transaction, so the same head means the same rows. It is read first:
    # what comes between the two is counted, and counted again.
    now = head() if table in _whole else ""
    known = _whole.get(table)
    if known is not None and known[0] == now:
        return Counted(known[1])
    number = rows.count()
    if number > MOST:
        _whole[table] = now, number
    else:
        _whole.pop(table, None)
    return Counted(number)


def up_to(most: int, number: int) -> Counted:
    """This number as it is shown where rows are counted up to `most`."""
    return Counted(min(number, most + 1), number > most)


def most_of(model: type[Model]) -> int:
    """The limit up to which a filtered list of this table is counted."""
    return MOST_OF_LARGE if is_large(model) else MOST


def is_large(model: type[Model]) -> bool:
    """Whether the table has had more than `LARGE` rows, for which some queries have to be written another way.

    Looked at every `LOOK_SECONDS`, since both ways find the same rows.
    """
    table, now = model._meta.db_table, time.monotonic()
    looked_at, large = _large.get(table, (0.0, False))
    if not looked_at or now - looked_at > LOOK_SECONDS:
        newest = model._default_manager.order_by("-pk").values_list("pk", flat=True).first()
        large = isinstance(newest, int) and newest > LARGE
        _large[table] = now, large
    return large


def head() -> str:
    """The head of the audit chain. While it is the same, nothing that people see has changed."""
    return models.AuditHead.objects.values_list("hash", flat=True).first() or ""
