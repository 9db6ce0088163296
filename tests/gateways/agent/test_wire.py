"""What travels to an agent is the release itself, or nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.gateways.releases import ders, material
from trustyard.gateways.agent.wire import Unreadable, packed, unpacked

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
