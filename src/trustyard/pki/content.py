"""The content of a release: what an environment trusts and publishes, as plain values with one digest."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trustyard.pki.truststores import root_alias


@dataclass(frozen=True)
class TrustedEntry:
    """A certificate of ours in force: the alias in this environment, the definition's name, its SHA-256 (hex)."""

    alias: str
    certificate: str
    sha256: str


@dataclass(frozen=True)
class LeftOut:
    """What a release does not hold though it is saved, and why (one sentence)."""

    certificate: str
    alias: str
    reason: str


@dataclass(frozen=True)
class Why:
    """Why a release does not take what is saved: in a word or two, and in a sentence."""

    word: str
    sentence: str


@dataclass(frozen=True)
class PublishedJwk:
    """A public JWK as it is published; `jwk` holds kid, use, alg and x5c where there are any."""

    name: str
    jwk: Mapping[str, Any]


@dataclass(frozen=True)
class Content:
    """What one release says. Certificates are named by SHA-256; their DER travels beside it in `Material`."""

    environment: str
    entries: tuple[TrustedEntry, ...] = ()
    roots: tuple[str, ...] = ()
    jwks: tuple[PublishedJwk, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def canonical(self) -> dict[str, Any]:
        """Plain JSON values in one order: entries by alias, roots by digest, JWKs by kid and use."""
        return {
            "environment": self.environment,
            "entries": [
                {"alias": e.alias, "certificate": e.certificate, "sha256": e.sha256}
                for e in sorted(self.entries, key=lambda e: (e.alias.casefold(), e.sha256))
            ],
            "roots": sorted(self.roots),
            "jwks": [
                {"name": k.name, "jwk": dict(k.jwk)}
                for k in sorted(self.jwks, key=lambda k: (str(k.jwk.get("kid")), str(k.jwk.get("use")), k.name))
            ],
        }

    def digest(self) -> str:
        """SHA-256 (hex) over the canonical content: the version of a release, whatever files are made of it."""
        text = json.dumps(self.canonical(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def certificates(self) -> set[str]:
        """The SHA-256 (hex) of every certificate: entries and root set."""
        return {*(entry.sha256 for entry in self.entries), *self.roots}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], left_out: tuple[LeftOut, ...] = ()) -> Content:
        """The content of a stored release, read back from `canonical()`."""
        return cls(
            environment=value["environment"],
            entries=tuple(TrustedEntry(**e) for e in value["entries"]),
            roots=tuple(value["roots"]),
            jwks=tuple(PublishedJwk(k["name"], k["jwk"]) for k in value["jwks"]),
            left_out=left_out,
        )

    def jwk_set(self) -> dict[str, Any]:
        """The JWK Set (RFC 7517, section 5) of this content, in the order of `canonical()`."""
        return {"keys": [k["jwk"] for k in self.canonical()["jwks"]]}


@dataclass(frozen=True)
class Material:
    """A release as gateways receive it: the content, its number and moment, and DER by SHA-256."""

    content: Content
    number: int
    created_at: datetime
    ders: Mapping[str, bytes] = field(repr=False, default_factory=dict)

    @functools.cached_property
    def weight(self) -> int:
        """About how many octets of memory this takes: DER, and as much again for names and digests."""
        return sum(map(len, self.ders.values())) + 500 * (len(self.ders) + len(self.content.entries))

    def entries(self) -> list[tuple[TrustedEntry, bytes]]:
        """Our entries with their DER; one for each alias, so a doubled certificate may stand twice."""
        return [(e, self.ders[e.sha256]) for e in self.content.entries]

    def used(self) -> list[bytes]:
        """DER of our entries, without doubles, in the order of their aliases."""
        return [self.ders[s] for s in dict.fromkeys(e.sha256 for e in self.content.entries)]

    def named(self, *, roots: bool = True) -> list[tuple[str, str, bytes]]:
        """Alias, SHA-256 and DER of each certificate once, under its first alias: entries, then the root set.

        A second alias of the same certificate is left out: Java loses one of two, other gateways all (D-19).
        """
        aliases: dict[str, str] = {}
        for entry in self.content.entries:
            aliases.setdefault(entry.sha256, entry.alias)
        for sha256 in self.content.roots if roots else ():
            aliases.setdefault(sha256, root_alias(sha256))
        return [(alias, sha256, self.ders[sha256]) for sha256, alias in aliases.items()]

    def truststore(self) -> list[bytes]:
        """DER of our entries, then of the root set, without doubles."""
        digests = [e.sha256 for e in self.content.entries] + list(self.content.roots)
        return [self.ders[s] for s in dict.fromkeys(digests)]
