"""The difference of two release contents: what comes, goes, is replaced, and what is only named otherwise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from trustyard.pki.content import Content, PublishedJwk, TrustedEntry
from trustyard.pki.differences import Difference, Known, difference
from trustyard.pki.truststores import root_alias

A, B, C, D = (digit * 64 for digit in "abcd")


def content(*entries: tuple[str, str, str], roots: tuple[str, ...] = (), jwks: tuple[Any, ...] = ()) -> Content:
    keys = tuple(PublishedJwk(name, {"kty": "EC", "x": x, "kid": kid, "use": use}) for name, kid, use, x in jwks)
    return Content("test", tuple(TrustedEntry(*entry) for entry in entries), roots, keys)


KEY = ("sign", "k1", "sig", "x")


def aliases(lines: Any) -> list[str]:
    return [line.alias for line in lines]


def test_two_equal_contents_have_no_difference() -> None:
    one = content(("acme", "acme", A), roots=(B,), jwks=(("sign", "k1", "sig", "x"),))
    assert not difference(one, one)
    assert difference(one, one) == Difference()


@pytest.mark.parametrize(
    "other",
    [
        content(("acme", "acme", A), ("new", "new", C), roots=(B,), jwks=(KEY,)),
        content(roots=(B,), jwks=(KEY,)),
        content(("acme", "acme", C), roots=(B,), jwks=(KEY,)),
        content(("acme", "acme", A), jwks=(KEY,)),
        content(("acme", "acme", A), roots=(B,), jwks=(KEY, ("more", "k2", "sig", "x"))),
        content(("acme", "acme", A), roots=(B,)),
        content(("acme", "acme", A), roots=(B,), jwks=(("sign", "k1", "sig", "y"),)),
    ],
    ids=["come", "gone", "changed", "a root", "a JWK come", "a JWK gone", "a JWK changed"],
)
def test_whatever_is_not_the_same_is_a_difference(other: Content) -> None:
    one = content(("acme", "acme", A), roots=(B,), jwks=(KEY,))
    assert difference(one, other)
    assert difference(other, one)


def test_lines_stand_in_the_order_of_their_aliases_and_jwks_in_that_of_their_key_ids() -> None:
    names = ["a", "B", "c", "D", "e", "F", "g", "H"]
    entries = [(name, f"of {name}", (A, B)[at % 2]) for at, name in enumerate(names)]
    replaced = [(name, definition, C) for name, definition, _ in entries]
    keys = [(f"key {at}", f"k{at}", "sig", "x") for at in range(8)]
    full = content(*entries[::-1], jwks=tuple(keys[::-1]))
    assert aliases(difference(content(), full).added) == aliases(difference(full, content()).removed) == names
    changed = difference(full, content(*replaced[::-1], jwks=tuple((*key[:3], "y") for key in keys)))
    assert [change.after.alias for change in changed.changed] == names
    for found, what in (((content(), full), "added"), ((full, content()), "removed")):
        assert [key["kid"] for key in difference(*found).jwks.json()[what]] == [f"k{at}" for at in range(8)]
    assert [key["kid"] for key in changed.jwks.json()["changed"]] == [f"k{at}" for at in range(8)]


def test_what_comes_and_goes_is_named_by_alias_definition_and_sha256() -> None:
    found = difference(content(("old", "gone", A)), content(("new", "come", B)))
    assert [(line.alias, line.certificate, line.sha256) for line in found.added] == [("new", "come", B)]
    assert [(line.alias, line.certificate, line.sha256) for line in found.removed] == [("old", "gone", A)]
    assert not found.changed


def test_another_certificate_under_the_same_alias_is_a_replacement() -> None:
    (change,) = difference(content(("acme", "acme", A)), content(("acme", "acme", B))).changed
    assert change.changes == ["certificate"]
    assert (change.before.sha256, change.after.sha256) == (A, B)


def test_a_renamed_alias_is_said_as_such_and_not_as_gone_and_come() -> None:
    found = difference(content(("acme", "acme", A)), content(("acme-ca", "acme", A)))
    assert (found.added, found.removed) == ((), ())
    assert found.changed[0].changes == ["alias"]
    moved = difference(content(("acme", "one", A)), content(("bank", "two", A)))
    assert moved.changed[0].changes == ["alias", "name"], "the same certificate under all other names"


def test_case_makes_no_other_alias_and_still_shows() -> None:
    """D-09."""
    (change,) = difference(content(("Acme", "acme", A)), content(("acme", "acme", A))).changed
    assert change.changes == ["alias"]


def test_two_aliases_of_one_certificate_are_two_lines() -> None:
    found = difference(content(("one", "one", A)), content(("one", "one", A), ("two", "two", A)))
    assert aliases(found.added) == ["two"]
    back = difference(content(("one", "one", A), ("two", "two", A)), content(("two", "two", A)))
    assert aliases(back.removed) == ["one"]


def test_entries_that_swap_their_certificates_are_two_replacements() -> None:
    found = difference(content(("a", "a", A), ("b", "b", B)), content(("a", "a", B), ("b", "b", A)))
    assert [(c.after.alias, c.changes) for c in found.changed] == [("a", ["certificate"]), ("b", ["certificate"])]


def test_roots_come_and_go_after_the_certificates_under_their_own_alias() -> None:
    found = difference(content(roots=(A, B)), content(("z", "z", D), roots=(B, C)))
    assert [(line.alias, line.origin) for line in found.added] == [("z", "certificate"), (root_alias(C), "root")]
    assert [(line.sha256, line.certificate) for line in found.removed] == [(A, None)]


def test_a_jwk_with_a_new_key_id_goes_and_comes_and_one_that_keeps_it_changes() -> None:
    old = content(jwks=(("sign", "k1", "sig", "x"), ("stays", "k3", "sig", "x")))
    new = content(jwks=(("sign", "k2", "sig", "y"), ("stays", "k3", "sig", "y")))
    keys = difference(old, new).jwks.json()
    assert [key["kid"] for key in keys["added"]] == ["k2"]
    assert [key["kid"] for key in keys["removed"]] == ["k1"]
    assert [(key["kid"], key["changes"]) for key in keys["changed"]] == [("k3", ["x"])]


def test_one_key_id_with_two_uses_is_two_jwks() -> None:
    """D-23."""
    one = content(jwks=(("sig", "k", "sig", "x"),))
    both = content(jwks=(("sig", "k", "sig", "x"), ("enc", "k", "enc", "x")))
    assert [key["use"] for key in difference(one, both).jwks.json()["added"]] == ["enc"]


def test_names_and_dates_stand_where_the_certificates_are_at_hand() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    old, new = content(("a", "a", A)), content(("a", "a", A), ("b", "b", B))
    assert old.certificates() | new.certificates() == {A, B}
    shown = difference(old, new, {B: Known("Bank CA", moment, moment)}).json()
    assert shown["added"][0]["certificate_name"] == "Bank CA"
    assert shown["added"][0]["not_after"] == "2026-01-02T03:04:05Z"
    assert difference(old, new).json()["added"][0]["not_after"] is None
