"""A certificate in DER: its facts, its text, and the same again from what was read."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime

from fuzz.counting import budget
from trustyard.errors import TrustyardError
from trustyard.pki.certificates import Certificate, expiring_from, facts_json, read_certificate
from trustyard.pki.containers import read_file

MOMENT = datetime(2026, 6, 15, 12, tzinfo=UTC)


def certificate(data: bytes) -> None:
    """`read_certificate`, `facts_json` with `content`, and the public key."""
    with suppress(TrustyardError), budget(len(data)):
        examine(read_certificate(data), data)


def examine(one: Certificate, data: bytes) -> None:
    """What is promised of every certificate that was read from these bytes."""
    assert one.der == data
    said = facts_json(one, MOMENT)
    assert said["certificate_name"]
    assert said["content"].endswith("\n")
    assert json.loads(json.dumps(said)) == said, "not JSON"
    json.dumps(said, ensure_ascii=False).encode()  # a lone surrogate would raise, and break a database
    assert expiring_from(one.facts.not_before, one.facts.not_after) <= max(one.facts.not_after, one.facts.not_before)
    assert read_certificate(one.der) == one
    assert read_file(one.pem().encode()).certificates == (one,)
    with suppress(TrustyardError):
        one.public_key()
