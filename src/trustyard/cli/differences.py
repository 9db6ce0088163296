"""A difference as a table: what comes, goes, is replaced or renamed; certificates, roots and JWKs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from .screen import MOST, day, more, say, table

COLUMNS = ("Change", "What", "Alias or Key ID", "Certificate or JWK", "Certificate Name", "Valid Until", "SHA-256")
_WORDS = {"certificate": "replaced", "alias": "alias renamed", "name": "certificate renamed"}


def show(difference: dict[str, Any], *, nothing: str = "No difference.", error: bool = False) -> None:
    """Prints a row for each change, of many how many there are and the first, or that there is none."""
    parts = (difference, difference["jwks"])
    counts = {change: sum(len(part[change]) for part in parts) for change in ("added", "removed", "changed")}
    total = sum(counts.values())
    if not total:
        say(nothing, error=error)
        return
    if total > MOST:
        say(
            f"{total} changes: {', '.join(f'{count} {change}' for change, count in counts.items() if count)}.",
            error=error,
        )
    table(COLUMNS, chain.from_iterable(islice(_changes(difference), MOST)), error=error)
    more(total, error=error)


def _changes(difference: dict[str, Any]) -> Iterator[list[tuple[object, ...]]]:
    """The rows of each change: one, or two where a certificate took the place of another."""
    for change in ("added", "removed"):
        for one in difference[change]:
            yield [(change, one["origin"], *_certificate(one))]
    for one in difference["changed"]:
        words = ", ".join(_WORDS.get(each, each) for each in one["changes"])
        alias, name, *now = _certificate(one)
        before = one["before"]
        was = [_was(before["alias"], alias), _was(before["certificate"], name)]
        replaced = [("was", "", "", "", *_certificate(before)[2:])] if "certificate" in one["changes"] else []
        yield [(words, one["origin"], *was, *now), *replaced]
    jwks = difference["jwks"]
    for change in ("added", "removed"):
        for key in jwks[change]:
            yield [(change, "JWK", key["kid"], key["name"], _key(key), "", "")]
    for key in jwks["changed"]:
        yield [(f"changed: {', '.join(key['changes'])}", "JWK", key["kid"], key["name"], _key(key), "", "")]


def _certificate(one: dict[str, Any]) -> tuple[object, ...]:
    return one["alias"], one["certificate"] or "-", one["certificate_name"], day(one["not_after"]), one["sha256"]


def _was(before: str | None, now: object) -> str:
    return str(now) if before in (None, now) else f"{before} -> {now}"


def _key(key: dict[str, Any]) -> str:
    return " ".join(str(key[member]) for member in ("kty", "alg", "use") if key.get(member))
