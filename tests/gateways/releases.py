"""Releases for the tests of this folder."""

from __future__ import annotations

import functools
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.authority import Authority
from trustyard.gateways.places import Place, Root
from trustyard.pki.content import Content, Material, PublishedJwk, TrustedEntry
from trustyard.pki.truststores import jks

MOMENT = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)


@functools.cache
def ders() -> tuple[bytes, ...]:
    """DER of six CA certificates."""
    return tuple(Authority(f"CA {number}").der for number in range(6))


def material(
    number: int,
    aliases: dict[str, bytes] | None = None,
    roots: tuple[bytes, ...] = (),
    jwks: tuple[dict[str, Any], ...] = (),
    environment: str = "test",
) -> Material:
    """A release of these entries, roots and JWKs."""
    chosen = aliases or {}
    digests = {hashlib.sha256(der).hexdigest(): der for der in (*chosen.values(), *roots)}
    content = Content(
        environment,
        tuple(TrustedEntry(alias, f"cert {alias}", hashlib.sha256(der).hexdigest()) for alias, der in chosen.items()),
        tuple(hashlib.sha256(der).hexdigest() for der in roots),
        tuple(PublishedJwk(str(jwk["kid"]), jwk) for jwk in jwks),
    )
    return Material(content, number, MOMENT, digests)


def write_as_before(folder: Path, release: Material) -> None:
    """This folder of a release as a version wrote it that did not know what Java reads; whole, for all it says."""
    entries = [(alias, der) for alias, _, der in release.named()]
    data = jks(entries, "changeit", release.created_at)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["truststore.jks"] = hashlib.sha256(data).hexdigest()
    (folder / "truststore.jks").write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def place(data_dir: Path, *roots: Path, environment: str = "test") -> Place:
    """Where the gateway `files` of an environment stands."""
    return Place(data_dir, environment, "files", tuple(map(Root, roots)))
