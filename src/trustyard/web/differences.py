"""A difference as the console shows it: what was and what is, side by side, roots apart because they are many."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from trustyard.pki.names import search_fold

from .pages import LINES, Part

_WORDS = {"certificate": "replaced", "alias": "alias renamed", "name": "renamed"}
FEW = 5  # roots that are listed without a click
MANY = 500  # roots that are listed
Row = dict[str, Any]


def side_by_side(
    difference: dict[str, Any], request: HttpRequest | None = None, key: str = "difference", q: str = ""
) -> dict[str, Any]:
    """The rows with `before` and `after` of a difference in the form that REST has, those that match `q`.

    Of many rows a page, which the address of the request turns by `key`; without a request the first alone.
    """
    rows = [*_certificates(difference), *_jwks(difference["jwks"])]
    fitting = [row for row in rows if _matches(row, search_fold(q.strip()))] if q else rows
    roots = {change: [one for one in difference[change] if one["origin"] == "root"] for change in ("added", "removed")}
    count = sum(map(len, roots.values()))
    page = Part(request, key, fitting) if request else None
    return {
        "rows": [_dated(row) for row in page or fitting[:LINES]],
        "page": page,
        "more": 0 if page else max(0, len(fitting) - LINES),
        "counts": _counts(rows, roots),
        "many": len(rows) > LINES,
        "listed": [{**one, "change": change} for change, some in roots.items() for one in some][:MANY],
        "roots": roots,
        "root_count": count,
        "open": count <= FEW,
        "empty": not rows and not count,
        "filtered": bool(q),
    }


def _matches(row: Row, q: str) -> bool:
    sides = [row[side] for side in ("before", "after") if side in row]
    words = (row["label"], *(text for side in sides for text in side.values()))
    return any(q in search_fold(str(text)) for text in words)


def _counts(rows: list[Row], roots: dict[str, list[Row]]) -> list[tuple[str, int]]:
    counted: dict[str, int] = {}
    for row in rows:
        change = row["words"][0] if row["words"][0] in ("added", "removed") else "changed"
        words = f"{change} JWKs" if "jwk" in row else change
        counted[words] = counted.get(words, 0) + 1
    return [*counted.items(), *((f"roots {change}", len(some)) for change, some in roots.items() if some)]


def _certificates(difference: dict[str, Any]) -> Iterator[Row]:
    for one in difference["changed"]:
        words = [_WORDS[each] for each in one["changes"]]
        yield {"words": words, "before": one["before"], "after": one, "label": one["alias"]}
    for change, side in (("added", "after"), ("removed", "before")):
        for one in difference[change]:
            if one["origin"] == "certificate":
                yield {"words": [change], side: one, "label": one["alias"]}


def _jwks(jwks: dict[str, Any]) -> Iterator[Row]:
    for one in jwks["changed"]:
        words = [f"{', '.join(one['changes'])} changed"]
        yield {"words": words, "before": one["before"], "after": one, "jwk": True, "label": one["kid"]}
    for change, side in (("added", "after"), ("removed", "before")):
        for one in jwks[change]:
            yield {"words": [change], side: one, "jwk": True, "label": one["kid"]}


def _dated(row: Row) -> Row:
    sides = {side: row[side] for side in ("before", "after") if side in row}
    ends = {side: one.get("not_after") for side, one in sides.items()}
    return row | {
        side: {**one, "until": datetime.fromisoformat(ends[side]) if ends[side] else None}
        for side, one in sides.items()
    }
