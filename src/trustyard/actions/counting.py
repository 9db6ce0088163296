"""How many rows a list has: all of it exactly, and of what a filter leaves as many as anybody would look through."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from trustyard import models

MOST_COUNTED = 10_000
_whole: dict[str, tuple[str, int]] = {}  # by table: the head of the audit chain, and how many rows there were then


def counted(rows: QuerySet[Any]) -> int:
    """How many there are; where a filter leaves more than `MOST_COUNTED`, one more than that.

    A database counts by reading, and what fits a filter is dear to read: a million of them for a figure that says
    "many". A whole list is counted by an index; where it is long, not again before something has changed.
    """
    rows = rows.order_by()
    if rows.query.where:
        return rows[: MOST_COUNTED + 1].count()
    table = rows.model._meta.db_table
    # Every change writes an audit event in its own transaction, so the same head means the same rows. It is read first:
    # what comes between the two is counted, and counted again.
    head = _head() if table in _whole else ""
    known = _whole.get(table)
    if known is not None and known[0] == head:
        return known[1]
    count = rows.count()
    if count > MOST_COUNTED:
        _whole[table] = head, count
    else:
        _whole.pop(table, None)
    return count


def _head() -> str:
    return models.AuditHead.objects.values_list("hash", flat=True).first() or ""


def is_many(rows: QuerySet[Any], count: int) -> bool:
    """Whether that count stands for "more than `MOST_COUNTED`"."""
    return bool(rows.query.where) and count > MOST_COUNTED
