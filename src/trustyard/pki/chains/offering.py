"""Several certificates of one source: chain order, a verdict on each, and which one is meant (D-08)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trustyard.pki.certificates import Certificate
from trustyard.pki.reading import Reading

from .family import Family


@dataclass(frozen=True)
class Offered:
    """A certificate to choose from: one sentence about its place, and whether it is an end-entity certificate."""

    certificate: Certificate
    verdict: str
    end_entity: bool


def in_chain_order(certs: Sequence[Certificate]) -> list[Offered]:
    """The certificates from end entities up to roots, each chain whole before the next begins.

    Issuers are found by name and key identifier; signatures are judged where those leave several, or none.
    """
    order = _Order(certs)
    starts = [c for c in order.members if order.is_end_entity(c)]
    starts += [c for c in order.members if c.sha256 not in order.issuing]
    ordered: dict[str, Certificate] = {}
    for start in (*starts, *order.members):
        at: Certificate | None = start
        while at is not None and at.sha256 not in ordered:
            ordered[at.sha256] = at
            at = order.issuer_of(at)
    return [Offered(c, order.verdict(c), order.is_end_entity(c)) for c in ordered.values()]


def preselected(reading: Reading) -> Certificate | None:
    """The certificate meant when nobody chose: the only one, the first presented, or the one end-entity certificate.

    None where a person must choose.
    """
    certs = reading.certificates
    if len(certs) == 1 or (certs and reading.format == "connection"):
        return certs[0]
    order = _Order(certs)
    end_entities = [c for c in certs if order.is_end_entity(c)]
    return end_entities[0] if len(end_entities) == 1 else None


class _Order:
    """Certificates with the one that issued each, where it is among them."""

    def __init__(self, certs: Sequence[Certificate]) -> None:
        family = Family(certs)
        self.members = family.members
        found = {c.sha256: family.issuer_of(c).certificate for c in self.members}
        self._issuers = {sha256: i for sha256, i in found.items() if i is not None and i.sha256 != sha256}
        self._own = {sha256 for sha256, i in found.items() if i is not None and i.sha256 == sha256}
        self.issuing = {issuer.sha256 for issuer in self._issuers.values()}

    def issuer_of(self, certificate: Certificate) -> Certificate | None:
        """The member that issued this one, or None (also for one that issued itself)."""
        return self._issuers.get(certificate.sha256)

    def is_end_entity(self, certificate: Certificate) -> bool:
        """Not a CA, nor the issuer of another one here (certificates of version 1 cannot say that they are a CA)."""
        return not certificate.facts.is_ca and certificate.sha256 not in self.issuing

    def verdict(self, certificate: Certificate) -> str:
        """One sentence about its place."""
        facts = certificate.facts
        if self.is_end_entity(certificate):
            kind = "End-entity certificate"
        elif certificate.sha256 in self._own:
            kind = "Root CA"
        else:
            kind = "Intermediate CA" if facts.is_ca else "Issuer without a CA mark"
        return f"{kind}, {self._issued_by(certificate)}."

    def _issued_by(self, certificate: Certificate) -> str:
        if (issuer := self.issuer_of(certificate)) is not None:
            return f"issued by {issuer.facts.certificate_name}"
        if certificate.sha256 in self._own:
            broken = certificate.facts.self_signed is False
            return "whose own signature does not verify" if broken else "issued by itself"
        return "whose issuer is not among these"
