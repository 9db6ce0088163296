"""The chain of one certificate as a value: links, what is missing, what else is there, and which anchors end it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trustyard.pki.certificates import Certificate
from trustyard.pki.content import Why

State = Literal["whole", "open", "broken", "circle", "long"]  # long: longer than is followed


@dataclass(frozen=True)
class Anchor:
    """What an environment trusts: an entry under its alias, or a root of its root set; saved, in force, or both."""

    environment: str
    alias: str
    origin: Literal["certificate", "root"]
    certificate: Certificate
    definition: str = ""  # the name of the certificate whose entry it is
    saved: bool = True
    in_force: bool = False
    left_out: Why | None = None  # where releases do not take what is saved, as it is now

    @property
    def trusted(self) -> bool:
        """Whether gateways have it, or will with the next release."""
        return self.in_force or self.left_out is None


@dataclass(frozen=True)
class Link:
    """One certificate of the chain, its place in the source (from 1), and how its issuer was found.

    `issuer` is `next` (the link after this one), `itself`, or `missing`. `signature` is True where it verifies with
    the issuer's key, False where it does not, None where nobody here can tell or the issuer is missing.
    """

    certificate: Certificate
    position: int | None
    issuer: Literal["next", "itself", "missing"]
    signature: bool | None


@dataclass(frozen=True)
class Missing:
    """An issuer that the source does not hold: its name, its key, and where the certificate says that it lies.

    The addresses are text out of the certificate (RFC 5280, section 4.2.2.1); they are never fetched.
    """

    of: str  # SHA-256 of the certificate that it issued
    name: str
    key_identifier: str | None
    serial_hex: str | None
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class CrossSign:
    """A certificate of the source with the subject and key of a link (`of`, its SHA-256), from another issuer."""

    certificate: Certificate
    position: int | None
    of: str


@dataclass(frozen=True)
class Other:
    """A certificate of the source that is no part of the chain.

    `below` was issued under the chosen one, `beside` under another link, `foreign` belongs to no link here.
    """

    certificate: Certificate
    position: int | None
    kind: Literal["below", "beside", "foreign"]
    sentence: str


@dataclass(frozen=True)
class Ending:
    """An anchor, and the certificate at which it meets the chain (`of`, its SHA-256).

    `same`: the anchor is that very certificate. `twin`: of the same subject and key. `issuer`: it issued it.
    Two do not end the chain: a `namesake` only bears the issuer's name, its key did not sign; and what is `cut-off`
    stands above a signature that does not verify.
    """

    anchor: Anchor
    of: str
    how: Literal["same", "twin", "issuer", "namesake", "cut-off"]
    signature: bool | None = True


@dataclass(frozen=True)
class Chain:
    """The chain of the chosen certificate, `links[0]`, upwards."""

    links: tuple[Link, ...]
    state: State
    in_order: bool
    missing: tuple[Missing, ...] = ()
    cross_signs: tuple[CrossSign, ...] = ()
    others: tuple[Other, ...] = ()
    endings: tuple[Ending, ...] = ()
    misses: tuple[Ending, ...] = ()

    @property
    def trusted(self) -> list[Ending]:
        """Those anchors that gateways have, or will with the next release."""
        return [e for e in self.endings if e.anchor.trusted]

    @property
    def endings_above(self) -> list[Ending]:
        """Those of them that stand above the chosen certificate, and are not that certificate itself."""
        own = self.links[0].certificate.sha256
        return [e for e in self.trusted if e.how == "issuer" or e.of != own]

    def endings_of(self, sha256: str) -> list[Ending]:
        """The anchors that meet the chain at this certificate."""
        return [e for e in self.endings if e.of == sha256]

    def endings_at(self, link: Link) -> list[Ending]:
        """Those drawn and listed at this link: all of it, but at a missing issuer (`endings_over`) what issued it."""
        return [e for e in self.endings_of(link.certificate.sha256) if e.how != "issuer" or link.issuer != "missing"]

    def endings_over(self, missing: Missing) -> list[Ending]:
        """The anchors that stand where the source lacks the issuer."""
        return [e for e in self.endings_of(missing.of) if e.how == "issuer"]
