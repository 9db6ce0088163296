"""The content of a release: one digest for what it says, in whatever order it was put together."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from tests.pki.moments import NOON
from trustyard.pki.content import Content, LeftOut, Material, PublishedJwk, TrustedEntry
from trustyard.pki.truststores import root_alias

ONE, TWO, ROOT = "a" * 64, "b" * 64, "c" * 64
ENTRIES = (TrustedEntry("acme", "partner-acme", ONE), TrustedEntry("Zürich", "partner-z", TWO))
JWKS = tuple(
    PublishedJwk(name, {"kid": kid, "use": use})
    for name, kid, use in (("one", "1", "enc"), ("two", "1", "sig"), ("three", "2", "enc"))
)
CONTENT = Content("test", ENTRIES, (ROOT, TWO), JWKS)


def test_a_digest_is_of_what_is_said_and_not_of_its_order() -> None:
    shuffled = Content("test", ENTRIES[::-1], (TWO, ROOT), JWKS[::-1], (LeftOut("gone", "gone", "It has expired."),))
    assert shuffled.digest() == CONTENT.digest()
    assert shuffled.jwk_set() == CONTENT.jwk_set() == {"keys": [jwk.jwk for jwk in JWKS]}


@pytest.mark.parametrize(
    "changed",
    [
        {"environment": "production"},
        {"entries": ENTRIES[:1]},
        {"entries": (ENTRIES[0], replace(ENTRIES[1], alias="Z"))},
        {"roots": (ROOT,)},
        {"jwks": JWKS[:2]},
    ],
    ids=repr,
)
def test_another_content_has_another_digest(changed: dict[str, Any]) -> None:
    assert replace(CONTENT, **changed).digest() != CONTENT.digest()


def test_a_digest_is_the_same_in_every_version_of_trustyard() -> None:
    """Stored releases, and what gateways report, are compared by it."""
    canonical = (
        f'{{"entries":[{{"alias":"acme","certificate":"partner-acme","sha256":"{ONE}"}},'
        f'{{"alias":"Z\\u00fcrich","certificate":"partner-z","sha256":"{TWO}"}}],"environment":"test",'
        '"jwks":[{"jwk":{"kid":"1","use":"enc"},"name":"one"},{"jwk":{"kid":"1","use":"sig"},"name":"two"},'
        f'{{"jwk":{{"kid":"2","use":"enc"}},"name":"three"}}],"roots":["{TWO}","{ROOT}"]}}'
    )
    assert CONTENT.digest() == hashlib.sha256(canonical.encode()).hexdigest()


def test_a_stored_content_reads_back_with_what_was_left_out() -> None:
    gone = (LeftOut("gone", "gone", "It has expired."),)
    read = Content.from_json(CONTENT.canonical(), gone)
    assert (read.digest(), read.left_out) == (CONTENT.digest(), gone)
    assert read.certificates() == {ONE, TWO, ROOT}


def test_a_certificate_stands_once_in_a_truststore_under_its_first_alias() -> None:
    """D-19."""
    twice = (TrustedEntry("first", "x", ONE), TrustedEntry("second", "y", ONE))
    material = Material(Content("test", twice, (ONE, ROOT)), 1, NOON, {ONE: b"one", ROOT: b"root"})
    assert [der for _, der in material.entries()] == [b"one", b"one"]
    assert (material.used(), material.truststore()) == ([b"one"], [b"one", b"root"])
    assert material.named() == [("first", ONE, b"one"), (root_alias(ROOT), ROOT, b"root")]
    assert material.named(roots=False) == [("first", ONE, b"one")]
