"""What changes between two contents of an environment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .strict import Shown


class Line(Shown):
    """One certificate of a content; a root has no definition."""

    alias: str
    certificate: str | None = Field(description="The name of the definition; null for a root.")
    origin: Literal["certificate", "root"]
    sha256: str
    certificate_name: str | None
    not_before: str | None
    not_after: str | None


class Change(Line):
    """An entry that is in both: what it is now, what it was, and in what it differs."""

    before: Line
    changes: list[Literal["certificate", "alias", "name"]]


class Key(Shown):
    """A published JWK by its key ID."""

    name: str
    kid: str | None
    use: str | None
    alg: str | None
    kty: str | None


class KeyChange(Key):
    """A JWK that keeps its key ID and use; `changes` names the members that differ."""

    before: Key
    changes: list[str]


class Keys(Shown):
    """JWKs that come, go or change, by key ID and use."""

    added: list[Key]
    removed: list[Key]
    changed: list[KeyChange]


class Difference(Shown):
    """Certificates by alias, then roots; a certificate that was only renamed is changed, not removed and added."""

    added: list[Line]
    removed: list[Line]
    changed: list[Change]
    jwks: Keys
