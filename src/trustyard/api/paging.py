"""Lists in pages. The cursor names the last row seen: rows that come and go neither hide nor repeat others."""

from __future__ import annotations

import base64
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


def page(rows: QuerySet[Row], paging: Paging, show: Callable[[Row], Any]) -> dict[str, Any]:
    """One page of rows whose order ends in something unique. Raises `Refused` for a cursor of another list or order."""
    return page_at_once(rows, paging, lambda found: [show(row) for row in found])


def page_at_once(
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
    following = _following(rows, order, paging.cursor) if paging.cursor else rows
    found = list(following[: paging.limit + 1])
    more = len(found) > paging.limit
    found = found[: paging.limit]
    last = _cursor(order, [_value(found[-1], name) for name in order]) if more else None
    return {"items": list(show(found)), "next": last, "total": counted(rows if fitting is None else fitting).number}


def page_of_list(rows: Sequence[Any], keys: Sequence[str], paging: Paging, key: str) -> dict[str, Any]:
    """The same for rows that were computed; `keys` are their members of the name `key`, which no two of them share."""
    start = 0
    if paging.cursor:
        [seen] = _values(paging.cursor, [key])
        start = next((index + 1 for index, one in enumerate(keys) if one == seen), len(rows))
    end = start + paging.limit
    following = _cursor([key], [keys[end - 1]]) if end < len(rows) else None
    return {"items": list(rows[start:end]), "next": following, "total": len(rows)}


def _following(rows: QuerySet[Row], order: Sequence[str], cursor: str) -> QuerySet[Row]:
    try:
        return rows.filter(_after(order, _values(cursor, order)))
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


def _cursor(order: Sequence[str], values: Sequence[Any]) -> str:
    text = json.dumps([list(order), list(values)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _values(cursor: str, order: Sequence[str]) -> list[Any]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        named, values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if named != list(order) or len(values) != len(order):
            raise ValueError("another order")
        return [_read(name, value) for name, value in zip(order, values, strict=True)]
    except (ValueError, TypeError, RecursionError):
        raise _bad_cursor() from None


def _bad_cursor() -> Refused:
    sentence = "This cursor is not of this list in this order."
    return Refused(sentence, code="bad-cursor", fields=[FieldError("cursor", sentence)])


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
