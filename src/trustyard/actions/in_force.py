"""What the newest releases hold, cached compactly: pages ask it for each of their rows, in any environment."""

from __future__ import annotations

import functools
import hashlib
import json
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trustyard import models


@dataclass(frozen=True)
class Newest:
    """The newest release of an environment: its id and digest. The pair keys what is read once and kept in memory."""

    id: int
    digest: str


class Held:
    """Entries and JWKs of one release as numbers, 16 bytes each: thousands of them in hundreds of environments fit.

    `roots` are the SHA-256 of its roots; releases with the same ones share them.
    """

    def __init__(self, release: int, content: Mapping[str, Any]) -> None:
        self._release = release
        self.roots = _shared(frozenset(content["roots"]))
        entries, jwks = content["entries"], content["jwks"]
        pairs = sorted((_first(entry["sha256"]), _digest(entry["alias"])) for entry in entries)
        self._certificates = array("Q", (certificate for certificate, _ in pairs))
        self._aliases = array("Q", (alias for _, alias in pairs))
        self._jwks = array("Q", sorted(_digest(part) for jwk in jwks for part in (jwk["name"], _members(jwk["jwk"]))))

    def holds(self, alias: str, sha256: str) -> bool:
        """Whether the release has this certificate under this alias."""
        wanted = _first(sha256)
        at = bisect_left(self._certificates, wanted)
        named = _digest(alias)
        while at < len(self._certificates) and self._certificates[at] == wanted:
            if self._aliases[at] == named:
                return True
            at += 1
        return False

    def publishes(self, jwk: Mapping[str, Any]) -> bool:
        """Whether the release publishes just these members."""
        return self._has(_members(jwk))

    def publishes_for(self, name: str) -> bool:
        """Whether the release publishes a key of the JWK of this name, the present one or an older one."""
        return self._has(name)

    def _has(self, part: str) -> bool:
        wanted = _digest(part)
        at = bisect_left(self._jwks, wanted)
        return at < len(self._jwks) and self._jwks[at] == wanted

    def aliases(self, certificates: Iterable[str], saved: Iterable[tuple[str, str]] = ()) -> list[tuple[str, str]]:
        """Alias and SHA-256 of those that the release has; it is read again only when it has others than `saved`."""
        asked = set(certificates)
        known = [pair for pair in saved if pair[1] in asked and self.holds(*pair)]
        if len(known) == sum(map(self._times, asked)):
            return known
        rows = _content(self._release)["entries"]
        return [(row["alias"], row["sha256"]) for row in rows if row["sha256"] in asked]

    def _times(self, sha256: str) -> int:
        wanted = _first(sha256)
        return bisect_right(self._certificates, wanted) - bisect_left(self._certificates, wanted)


@functools.lru_cache(maxsize=1024)
def held(newest: Newest) -> Held:
    """What a release holds. Releases never change, so this is read once."""
    return Held(newest.id, _content(newest.id))


@functools.lru_cache(maxsize=64)
def _shared(digests: frozenset[str]) -> frozenset[str]:
    return digests


def _content(release: int) -> dict[str, Any]:
    """The stored content; an empty one where the release was deleted with its environment since it was found."""
    content: dict[str, Any] | None = models.Release.objects.filter(pk=release).values_list("content", flat=True).first()
    return {"entries": [], "roots": [], "jwks": []} if content is None else content


def _first(sha256: str) -> int:
    return int(sha256[:16], 16)


def _members(jwk: Mapping[str, Any]) -> str:
    return json.dumps(jwk, sort_keys=True)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
