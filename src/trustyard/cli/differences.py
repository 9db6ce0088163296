"""A difference as a table: what comes, goes, is replaced or renamed; certificates, roots and JWKs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .screen import day, say, table

COLUMNS = ("Change", "What", "Alias or Key ID", "Certificate or JWK", "Certificate Name", "Valid Until", "SHA-256")
_CHANGES = {"certificate": "replaced", "alias": "alias renamed", "name": "certificate renamed"}


def show(difference: dict[str, Any], *, nothing: str = "No difference.", error: bool = False) -> None:
    """Prints a row for each change, or that there is none."""
    rows = list(_rows(difference))
    if rows:
        table(COLUMNS, rows, error=error)
    else:
        say(nothing, error=error)


def _rows(difference: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    for change in ("added", "removed"):
        for one in difference[change]:
            yield (change, one["origin"], *_certificate(one))
    for one in difference["changed"]:
        words = ", ".join(_CHANGES.get(each, each) for each in one["changes"])
        alias, name, *now = _certificate(one)
        before = one["before"]
        was = [_was(before["alias"], alias), _was(before["certificate"], name)]
        yield (words, one["origin"], *was, *now)
        if "certificate" in one["changes"]:
            yield ("was", "", "", "", *_certificate(before)[2:])
    jwks = difference["jwks"]
    for change in ("added", "removed"):
        for key in jwks[change]:
            yield (change, "JWK", key["kid"], key["name"], _key(key), "", "")
    for key in jwks["changed"]:
        yield (f"changed: {', '.join(key['changes'])}", "JWK", key["kid"], key["name"], _key(key), "", "")


def _certificate(one: dict[str, Any]) -> tuple[object, ...]:
    return one["alias"], one["certificate"] or "-", one["certificate_name"], day(one["not_after"]), one["sha256"]


def _was(before: str | None, now: object) -> str:
    return str(now) if before in (None, now) else f"{before} -> {now}"


def _key(key: dict[str, Any]) -> str:
    return " ".join(str(key[member]) for member in ("kty", "alg", "use") if key.get(member))
