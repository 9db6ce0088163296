"""Chains and comparisons as they are asked for and shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from trustyard.actions import comparing

from .facts import Status
from .sources import Notice, Source
from .strict import Given, Name, Sha256, Shown, When

Signature = Literal["verified", "broken", "not-judged"]
_PLACE = "The place in the source as presented, from 1; null where the source does not hold it."


class CertificateBrief(Shown):
    """What tells a certificate apart in a list."""

    certificate_name: str
    subject: str
    issuer: str
    serial_hex: str
    not_before: When
    not_after: When
    status: Status
    is_ca: bool
    sha256: str


class ChainLink(Shown):
    """A certificate of the chain, and how its issuer was found."""

    certificate: CertificateBrief
    position: int | None = Field(description=_PLACE)
    issuer: Literal["next", "itself", "missing"] = Field(description="`next` is the link after this one.")
    signature: Signature | None = Field(description="`not-judged`: found by name only. Null without an issuer.")
    sentence: str


class ChainMissing(Shown):
    """An issuer that the source does not hold."""

    of: str = Field(description="SHA-256 of the certificate that it issued.")
    name: str = Field(description="RFC 4514.")
    key_identifier: str | None
    serial_hex: str | None
    addresses: list[str] = Field(description="Where the certificate says that it lies; never fetched.")


class CrossSign(Shown):
    """A certificate of the source with the subject and key of a link, from another issuer."""

    certificate: CertificateBrief
    position: int | None = Field(description=_PLACE)
    of: str = Field(description="SHA-256 of the link.")
    sentence: str


class ChainOther(Shown):
    """A certificate of the source that is no part of the chain."""

    certificate: CertificateBrief
    position: int | None = Field(description=_PLACE)
    kind: Literal["below", "beside", "foreign"]
    sentence: str


class ChainAnchor(Shown):
    """What an environment trusts, and where it meets the chain."""

    environment: str
    alias: str
    origin: Literal["certificate", "root"]
    definition: str | None = Field(description="The certificate whose entry it is; null for a root.")
    certificate: CertificateBrief
    saved: bool
    in_force: bool
    left_out: str | None = Field(description="Why releases leave it out as it is now; null where they take it.")
    of: str = Field(description="SHA-256 of the certificate of the chain that it is, or that it issued.")
    how: Literal["same", "twin", "issuer", "namesake", "cut-off"]
    signature: Signature | None
    sentence: str


class Chain(Shown):
    """The chain of an entry, from its certificate upwards."""

    certificate: str
    environment: str
    sentence: str
    notes: list[str]
    state: Literal["whole", "open", "broken", "circle", "long"]
    in_order: bool = Field(description="Whether the source presented the links from the bottom to the top.")
    links: list[ChainLink]
    missing: list[ChainMissing]
    cross_signs: list[CrossSign]
    others: list[ChainOther]
    anchors: list[ChainAnchor] = Field(description="Those that end the chain, in any environment.")
    misses: list[ChainAnchor] = Field(
        description="Those that do not: of the issuer's name, but with another key; or above a broken signature."
    )


class StoredSide(Given):
    """A stored entry, or with `live` what its own server presents now."""

    certificate: Name
    environment: Name
    live: bool = False

    def read(self, field: str) -> comparing.Side:
        """The side that actions take."""
        return comparing.Stored(self.certificate, self.environment, self.live)


class SourceSide(Given):
    """One certificate out of a source."""

    source: Source
    choose: Sha256 | None = Field(None, description="The SHA-256 of one of several certificates in the source.")

    def read(self, field: str) -> comparing.Side:
        """The side that actions take. Raises `Refused` for a source that cannot be read."""
        return comparing.Given(self.source.read(f"{field}.source"), self.choose)


def _kind(value: Any) -> str:
    has_source = "source" in value if isinstance(value, dict) else isinstance(value, SourceSide)
    return "source" if has_source else "stored"


Side = Annotated[Annotated[StoredSide, Tag("stored")] | Annotated[SourceSide, Tag("source")], Discriminator(_kind)]


class Sides(Given):
    """What is compared: what was, and what became of it."""

    left: Side
    right: Side


class ComparedSide(Shown):
    """One side of a comparison."""

    label: str = Field(description="Where it is from, in words.")
    certificate: CertificateBrief
    notices: list[Notice] = Field(description="What to know of the source that it was read from (D-07).")


class ComparedFact(Shown):
    """One fact of both; an empty text where it is not there."""

    field: str
    left: str
    right: str
    same: bool
    note: str = Field(description="How far apart, or `added`, `removed`, `changed`; may be empty.")


class Comparison(Shown):
    """How two certificates differ: rows that differ come first."""

    kind: Literal["same", "renewed", "new-key", "cross-signed", "other-names", "other-subject", "changed"]
    same: bool
    sentence: str
    left: ComparedSide
    right: ComparedSide
    rows: list[ComparedFact]
    notes: list[str] = Field(description="What else became of the chain that the server presents.")
