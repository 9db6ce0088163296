"""What changes from one release content to another: certificates, roots and JWKs, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from trustyard.pki.certificates import rfc3339
from trustyard.pki.content import Content, PublishedJwk, TrustedEntry
from trustyard.pki.names import fold
from trustyard.pki.truststores import root_alias

Origin = Literal["certificate", "root"]


@dataclass(frozen=True)
class Known:
    """What a person wants to read of a certificate, where it is at hand."""

    certificate_name: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True)
class Line:
    """One certificate of a content: under which alias, of which definition (none for a root), and its SHA-256."""

    alias: str
    certificate: str | None
    origin: Origin
    sha256: str
    known: Known | None = None

    def json(self) -> dict[str, Any]:
        """As REST and the command line show it."""
        known = self.known
        return {
            "alias": self.alias,
            "certificate": self.certificate,
            "origin": self.origin,
            "sha256": self.sha256,
            "certificate_name": known.certificate_name if known else None,
            "not_before": rfc3339(known.not_before) if known else None,
            "not_after": rfc3339(known.not_after) if known else None,
        }


@dataclass(frozen=True)
class Changed:
    """An entry that is in both and not the same: replaced (another certificate), or only named otherwise."""

    before: Line
    after: Line

    @property
    def changes(self) -> list[str]:
        """What is another: the `certificate` (X.509), the `alias`, the `name` of the definition."""
        pairs = {
            "certificate": (self.before.sha256, self.after.sha256),
            "alias": (self.before.alias, self.after.alias),
            "name": (self.before.certificate, self.after.certificate),
        }
        return [what for what, (old, new) in pairs.items() if old != new]

    def json(self) -> dict[str, Any]:
        """What it is now, with `before` and `changes`."""
        return {**self.after.json(), "before": self.before.json(), "changes": self.changes}


@dataclass(frozen=True)
class Keys:
    """Published keys that come, go, or keep their `kid` and `use` with other members."""

    added: tuple[PublishedJwk, ...] = ()
    removed: tuple[PublishedJwk, ...] = ()
    changed: tuple[tuple[PublishedJwk, PublishedJwk], ...] = ()

    def json(self) -> dict[str, Any]:
        """Names, key IDs and algorithms; the keys themselves stand in the releases."""
        return {
            "added": [_jwk_json(key) for key in self.added],
            "removed": [_jwk_json(key) for key in self.removed],
            "changed": [
                {**_jwk_json(new), "before": _jwk_json(old), "changes": _members(old, new)} for old, new in self.changed
            ],
        }


@dataclass(frozen=True)
class Difference:
    """What comes, goes and changes: certificates by alias, then roots by name; JWKs by key ID."""

    added: tuple[Line, ...] = ()
    removed: tuple[Line, ...] = ()
    changed: tuple[Changed, ...] = ()
    jwks: Keys = Keys()

    def __bool__(self) -> bool:
        keys = self.jwks
        return any((self.added, self.removed, self.changed, keys.added, keys.removed, keys.changed))

    def json(self) -> dict[str, Any]:
        """As REST shows it."""
        return {
            "added": [line.json() for line in self.added],
            "removed": [line.json() for line in self.removed],
            "changed": [change.json() for change in self.changed],
            "jwks": self.jwks.json(),
        }


def difference(before: Content, after: Content, known: Mapping[str, Known] | None = None) -> Difference:
    """What changes from `before` to `after`; `known` holds the certificates of both by SHA-256.

    Entries are matched by their alias (without case), then by their definition, then by their certificate, so that one
    that was renamed is not shown as gone and come. JWKs are matched by `kid` and `use` (D-23): that is what verifiers
    look for, so a JWK with a new key is one that goes and one that comes.
    """
    known = known or {}
    gone, come, changed = _matched(_lines(before, known), _lines(after, known))
    old_roots, new_roots = set(before.roots), set(after.roots)
    return Difference(
        added=(*come, *_roots(new_roots - old_roots, known)),
        removed=(*gone, *_roots(old_roots - new_roots, known)),
        changed=tuple(changed),
        jwks=_keys(before.jwks, after.jwks),
    )


def _lines(content: Content, known: Mapping[str, Known]) -> list[Line]:
    def line(entry: TrustedEntry) -> Line:
        return Line(entry.alias, entry.certificate, "certificate", entry.sha256, known.get(entry.sha256))

    return sorted(map(line, content.entries), key=_place)


def _place(line: Line) -> tuple[str, str]:
    return line.alias.casefold(), line.alias


def _matched(old: list[Line], new: list[Line]) -> tuple[list[Line], list[Line], list[Changed]]:
    pairs: list[Changed] = []
    by_alias, by_definition = (lambda line: fold(line.alias)), (lambda line: fold(line.certificate or ""))
    for key in (by_alias, by_definition, lambda line: line.sha256):
        waiting: dict[str, list[Line]] = {}
        for line in old:
            waiting.setdefault(key(line), []).append(line)
        rest = []
        for line in new:
            twins = waiting.get(key(line))
            if twins:
                pairs.append(Changed(twins.pop(0), line))
            else:
                rest.append(line)
        old, new = [line for lines in waiting.values() for line in lines], rest
    changed = [pair for pair in pairs if pair.changes]
    return sorted(old, key=_place), new, sorted(changed, key=lambda pair: _place(pair.after))


def _roots(digests: Iterable[str], known: Mapping[str, Known]) -> list[Line]:
    lines = [Line(root_alias(sha256), None, "root", sha256, known.get(sha256)) for sha256 in digests]
    return sorted(lines, key=lambda line: (line.known.certificate_name.casefold() if line.known else "", line.sha256))


def _keys(old: Iterable[PublishedJwk], new: Iterable[PublishedJwk]) -> Keys:
    before, after = ({(str(k.jwk.get("kid")), str(k.jwk.get("use"))): k for k in keys} for keys in (old, new))
    both = [(before[key], after[key]) for key in sorted(before.keys() & after.keys())]
    return Keys(
        added=tuple(after[key] for key in sorted(after.keys() - before.keys())),
        removed=tuple(before[key] for key in sorted(before.keys() - after.keys())),
        changed=tuple(pair for pair in both if pair[0] != pair[1]),
    )


def _jwk_json(key: PublishedJwk) -> dict[str, Any]:
    return {"name": key.name, **{member: key.jwk.get(member) for member in ("kid", "use", "alg", "kty")}}


def _members(old: PublishedJwk, new: PublishedJwk) -> list[str]:
    names = sorted({*old.jwk, *new.jwk})
    changed = [name for name in names if old.jwk.get(name) != new.jwk.get(name)]
    return [*(["name"] if old.name != new.name else []), *changed]
