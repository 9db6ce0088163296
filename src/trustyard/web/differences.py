"""A difference as the console shows it: what was and what is, side by side, roots apart because they are many."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

_WORDS = {"certificate": "replaced", "alias": "alias renamed", "name": "renamed"}
FEW = 5  # roots that are listed without a click


def side_by_side(difference: dict[str, Any]) -> dict[str, Any]:
    """Rows with `before` and `after` of a difference in the form that REST has."""
    rows = [*_certificates(difference), *_jwks(difference["jwks"])]
    roots = {
        change: [_dated(one) for one in difference[change] if one["origin"] == "root"]
        for change in ("added", "removed")
    }
    count = sum(map(len, roots.values()))
    return {"rows": rows, "roots": roots, "root_count": count, "open": count <= FEW, "empty": not rows and not count}


def _certificates(difference: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in difference["changed"]:
        words = [_WORDS[each] for each in one["changes"]]
        yield {"words": words, "before": _dated(one["before"]), "after": _dated(one), "label": one["alias"]}
    for change, side in (("added", "after"), ("removed", "before")):
        for one in difference[change]:
            if one["origin"] == "certificate":
                yield {"words": [change], side: _dated(one), "label": one["alias"]}


def _jwks(jwks: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in jwks["changed"]:
        words = [f"{', '.join(one['changes'])} changed"]
        yield {"words": words, "before": one["before"], "after": one, "jwk": True, "label": one["kid"]}
    for change, side in (("added", "after"), ("removed", "before")):
        for one in jwks[change]:
            yield {"words": [change], side: one, "jwk": True, "label": one["kid"]}


def _dated(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "until": datetime.fromisoformat(one["not_after"]) if one["not_after"] else None}
