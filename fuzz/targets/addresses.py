"""Addresses that people type."""

from __future__ import annotations

from contextlib import suppress

from fuzz.counting import budget
from trustyard.errors import TrustyardError
from trustyard.sources.addresses import DEFAULT_PORTS, parse_url


def address(data: bytes) -> None:
    """`parse_url`: a target that reads as itself, or a refusal."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(TrustyardError), budget(len(data)):
        target = parse_url(text)
        assert target.scheme in DEFAULT_PORTS
        assert 0 < target.port < 65536
        assert target.host.isascii()
        assert target.host.isprintable()
        assert not set(target.host) & set(" /@?#\\")
        assert parse_url(f"{target.scheme}://{target}") == target, "the address of a target is another one"
