"""Two certificates compared: differences first, the same from both sides."""

from __future__ import annotations

from contextlib import suppress

from fuzz.counting import budget
from fuzz.mutator import mutate
from trustyard.errors import TrustyardError
from trustyard.pki.certificates import read_certificate
from trustyard.pki.comparing import compare


def comparison(data: bytes) -> None:
    """`compare` of a certificate with itself, and with one that was made of it."""
    with suppress(TrustyardError), budget(2 * len(data)):
        one = read_certificate(data)
        assert compare(one, one).same
        for seed in range(3):
            with suppress(TrustyardError):
                _judge(one, read_certificate(mutate(data, 2 * len(data), seed)))


def _judge(one: object, other: object) -> None:
    there, back = compare(one, other), compare(other, one)
    assert there.same == back.same == (one == other)
    assert sorted(row.field for row in there.differences) == sorted(row.field for row in back.differences)
