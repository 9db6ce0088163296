"""Lists in pages. The cursor names the last row seen: rows that come and go neither hide nor repeat others."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from django.db.models import Model, Q, QuerySet
from pydantic import BaseModel, Field

from trustyard.actions.counting import Counted, counted
from trustyard.errors import FieldError, Refused

from .schemas.strict import Text

Row = TypeVar("Row", bound=Model)


class Paging(BaseModel):
    """What every list takes."""

    cursor: Annotated[Text, Field(max_length=4000)] | None = Field(None, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=500, description="How many at most.")


def page(address: str, rows: QuerySet[Row], paging: Paging, show: Callable[[Row], Any]) -> dict[str, Any]:
    """One page of the rows at an address, whose order ends in something unique.

    Raises `Refused` for a cursor of another list or order. One of another filter says as well where to go on.
    """
    return page_at_once(address, rows, paging, lambda found: [show(row) for row in found])


def page_at_once(
    address: str,
    rows: QuerySet[Row],
    paging: Paging,
    show: Callable[[Sequence[Row]], Sequence[Any]],
    *,
    fitting: QuerySet[Row] | Counted | None = None,
) -> dict[str, Any]:
    """The same for rows that are shown together, because they share what is asked about them.

    `fitting` is how many there are, or the same rows in no order, where that is quicker to count.
    """
    order = [str(name) for name in rows.query.order_by or rows.model._meta.ordering or ["pk"]]
    mark = _mark(address, order)
    following = _following(rows, order, mark, paging.cursor) if paging.cursor else rows
    found = list(following[: paging.limit + 1])
    more = len(found) > paging.limit
    found = found[: paging.limit]
    last = _cursor(mark, [_value(found[-1], name) for name in order]) if more else None
    return {"items": list(show(found)), "next": last, "total": counted(rows if fitting is None else fitting).number}


def page_of_list(address: str, rows: Sequence[Any], keys: Sequence[str], paging: Paging) -> dict[str, Any]:
    """The same for rows that were computed; `keys` tells them apart."""
    start, mark = 0, _mark(address, ["key"])
    if paging.cursor:
        [seen] = _values(paging.cursor, ["key"], mark)
        start = next((index + 1 for index, one in enumerate(keys) if one == seen), len(rows))
    end = start + paging.limit
    following = _cursor(mark, [keys[end - 1]]) if end < len(rows) else None
    return {"items": list(rows[start:end]), "next": following, "total": len(rows)}


def _following(rows: QuerySet[Row], order: Sequence[str], mark: str, cursor: str) -> QuerySet[Row]:
    try:
        return rows.filter(_after(order, _values(cursor, order, mark)))
    except ValueError:  # text where the column holds a number: no cursor of ours
        raise _bad_cursor() from None


def _after(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows behind these values: behind in the first name, or equal there and behind in the next, and so on.

    That the first name is not before its value follows from this; it is said because an index can start there.
    """
    first = order[0].lstrip("-")
    start = Q(**{f"{first}__{'lte' if order[0].startswith('-') else 'gte'}": values[0]})
    behind, equal = Q(), Q()
    for name, value in zip(order, values, strict=True):
        field = name.lstrip("-")
        compare = "lt" if name.startswith("-") else "gt"
        behind |= equal & Q(**{f"{field}__{compare}": value})
        equal &= Q(**{field: value})
    return start & behind if len(order) > 1 else behind


def _value(row: Model, name: str) -> Any:
    value = getattr(row, name.lstrip("-"))
    return value.isoformat() if isinstance(value, datetime) else value


def _mark(address: str, order: Sequence[str]) -> str:
    """Which list in which order a cursor is of, in few characters: nobody is kept from making one up."""
    return hashlib.sha256("\n".join([address.casefold(), *order]).encode()).hexdigest()[:8]


def _cursor(mark: str, values: Sequence[Any]) -> str:
    text = json.dumps([mark, list(values)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _values(cursor: str, order: Sequence[str], mark: str) -> list[Any]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        made_for, values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if made_for != mark or len(values) != len(order):
            raise ValueError("another list or order")
        return [_read(name, value) for name, value in zip(order, values, strict=True)]
    except (ValueError, TypeError, RecursionError):
        raise _bad_cursor() from None


def _bad_cursor() -> Refused:
    sentence = "This cursor is not of this list in this order."
    return Refused(sentence, code="bad-cursor", advice="Begin without one.", fields=[FieldError("cursor", sentence)])


def _read(name: str, value: Any) -> Any:
    """A value as it goes into a query: moments are text in a cursor, numbers stay below what a column holds."""
    if name.lstrip("-") in ("changed_at", "created_at", "valid_until"):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("our moments say their zone")
        return moment
    fits = abs(value) < 2**62 if isinstance(value, int) and not isinstance(value, bool) else isinstance(value, str)
    if not fits or (isinstance(value, str) and "\x00" in value):
        raise ValueError("not a value of ours")
    return value
