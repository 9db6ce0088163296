"""What a release holds, kept in memory as numbers: each of its entries is found, and no other."""

from __future__ import annotations

import hashlib
from typing import Any

from trustyard.actions.in_force import Held

ALIASES = [f"alias {number}" for number in range(60)]


def sha256(alias: str) -> str:
    """Of three aliases each."""
    return hashlib.sha256(str(ALIASES.index(alias) // 3).encode()).hexdigest()


def content(**given: list[Any]) -> dict[str, list[Any]]:
    return {"entries": [], "roots": [], "jwks": [], **given}


def test_each_entry_is_held_under_its_own_alias_alone() -> None:
    held = Held(1, content(entries=[{"alias": alias, "sha256": sha256(alias)} for alias in ALIASES]))
    for alias in ALIASES:
        of_others = {sha256(other) for other in ALIASES} - {sha256(alias)}
        assert held.holds(alias, sha256(alias))
        assert not any(held.holds(alias, other) for other in of_others)
    assert not held.holds("another", sha256(ALIASES[0]))


def test_each_key_is_published_under_its_name_and_no_other_is() -> None:
    keys = [{"name": name, "jwk": {"kid": sha256(name), "use": name}} for name in ALIASES]
    held = Held(1, content(jwks=keys))
    assert all(held.publishes(key["jwk"]) and held.publishes_for(str(key["name"])) for key in keys)
    assert not held.publishes({"kid": sha256(ALIASES[0]), "use": ALIASES[-1]})
    assert not held.publishes_for("another")
    assert not Held(2, content()).publishes_for("another")
