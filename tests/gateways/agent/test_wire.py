"""What travels to an agent is the release itself, or nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.gateways.releases import ders, material
from trustyard.gateways.agent.wire import MAX_VALUES, MOST, Unreadable, packed, unpacked
from trustyard.pki.content import Content

RELEASE = material(3, {"acme": ders()[0], "Ünïcode": ders()[1]}, (ders()[2],), ({"kid": "k", "kty": "RSA"},))


def test_a_release_arrives_as_it_was() -> None:
    given = unpacked(packed(RELEASE, allow_older=False))
    assert given.material == RELEASE
    assert not given.allow_older
    assert unpacked(packed(RELEASE, allow_older=True)).allow_older


def changed(change: Callable[[dict[str, Any]], None]) -> bytes:
    value = json.loads(packed(RELEASE, allow_older=False))
    change(value)
    return json.dumps(value).encode()


def swap(value: dict[str, Any]) -> None:
    (one, two, _) = value["certificates"]
    value["certificates"][one] = value["certificates"][two]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        changed(swap),
        changed(lambda value: value["certificates"].clear()),
        changed(lambda value: value["certificates"].update({next(iter(value["certificates"])): "no base64"})),
        changed(lambda value: value["content"]["entries"].pop()),
        changed(lambda value: value["content"].update(environment="production")),
        changed(lambda value: value.update(number=0)),
        changed(lambda value: value.update(created_at="2026-03-04T12:30:00")),
        changed(lambda value: value.update(digest=base64.b16encode(b"x" * 32).decode())),
    ],
    ids=range(12),
)
def test_what_is_not_whole_or_not_what_its_digest_says_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        unpacked(data)


def hostile(**changes: Any) -> bytes:
    """A release whose digest is right, from a server that means no good."""
    value = json.loads(packed(RELEASE, allow_older=False))
    entry = value["content"]["entries"][0]
    entry.update({name: changes.pop(name) for name in list(changes) if name in entry})
    value["content"]["jwks"][0].update({name: changes.pop(name) for name in list(changes) if name == "jwk"})
    value.update(changes)
    value["digest"] = Content.from_json(value["content"]).digest()
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "data",
    [
        hostile().replace(b'"number": 3', b'"number": 1e999'),
        hostile(number=10**300),
        hostile(created_at="0001-01-01T00:00:00+14:00"),
        hostile(created_at="1969-12-31T00:00:00+00:00"),
        hostile(created_at="9999-12-31T23:59:59-14:00"),
        hostile(alias="a\ud800"),
        hostile(alias=101 * "a"),
        hostile(jwk={"kid": "k", "nbf": float("nan")}),
        changed(lambda value: value["content"]["entries"][0].update(alias=5)),
        changed(lambda value: value["content"]["entries"][0].update(certificate=None)),
        hostile(certificate=None),
        hostile(number=MOST + 1),
        hostile(certificates=[]),
        b"[" * 1_000_000,
    ],
    ids=[
        "infinite", "huge", "year 1", "before 1970", "year 10000", "half a character", "a long name", "no number",
        "a number", "nothing",
        "nothing with its digest", "a number too large", "no names", "nested",
    ],
)  # fmt: skip
def test_numbers_moments_and_names_that_no_file_can_hold_are_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        unpacked(data)


@pytest.mark.parametrize(
    "data", [hostile(number=1), hostile(number=MOST), hostile(created_at="2000-01-01T00:00:00+00:00")]
)
def test_the_first_and_the_last_number_and_the_first_moment_are_taken(data: bytes) -> None:
    assert unpacked(data).material.content == RELEASE.content


def test_more_values_than_any_release_has_are_not_read() -> None:
    """64 MB of empty lists would take 1.6 GB."""
    with pytest.raises(Unreadable, match="more values"):
        unpacked(b"[" + (MAX_VALUES + 1) * b"[]," + b"[]]")
