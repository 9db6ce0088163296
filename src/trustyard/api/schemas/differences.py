"""What changes between two contents of an environment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .strict import Shown, When


class TrustLine(Shown):
    """One certificate of a content; a root has no definition."""

    alias: str
    certificate: str | None = Field(description="The name of the definition; null for a root.")
    origin: Literal["certificate", "root"]
    sha256: str
    certificate_name: str | None
    not_before: When | None
    not_after: When | None


class TrustLineChange(TrustLine):
    """An entry that is in both: what it is now, what it was, and in what it differs."""

    before: TrustLine
    changes: list[Literal["certificate", "alias", "name"]]


class PublishedKey(Shown):
    """A published JWK by its key ID."""

    name: str
    kid: str | None
    use: Literal["sig", "enc"] | None
    alg: str | None
    kty: str | None


class PublishedKeyChange(PublishedKey):
    """A JWK that keeps its key ID and use; `changes` names the members that differ."""

    before: PublishedKey
    changes: list[str]


class PublishedKeyChanges(Shown):
    """JWKs that come, go or change, by key ID and use."""

    added: list[PublishedKey]
    removed: list[PublishedKey]
    changed: list[PublishedKeyChange]


class Difference(Shown):
    """Certificates by alias, then roots; a certificate that was only renamed is changed, not removed and added."""

    added: list[TrustLine]
    removed: list[TrustLine]
    changed: list[TrustLineChange]
    jwks: PublishedKeyChanges
