"""Several certificates side by side: chain order, a verdict on each, and which one is meant (D-08)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trustyard.pki.certificates import Certificate
from trustyard.pki.reading import Reading


@dataclass(frozen=True)
class Offered:
    """A certificate to choose from: one sentence about its place, and whether it is an end-entity certificate."""

    certificate: Certificate
    verdict: str
    end_entity: bool


def in_chain_order(certs: Sequence[Certificate]) -> list[Offered]:
    """The certificates from end entities up to roots, each chain whole before the next begins.

    Issuers are found by name, and by key identifier where both sides state one; signatures are not judged.
    """
    family = _Family(certs)
    starts = [c for c in family.members if family.is_end_entity(c)]
    starts += [c for c in family.members if c.sha256 not in family.issuing]
    ordered: dict[str, Certificate] = {}
    for start in (*starts, *family.members):
        at: Certificate | None = start
        while at is not None and at.sha256 not in ordered:
            ordered[at.sha256] = at
            at = family.issuer_of(at)
    return [Offered(c, family.verdict(c), family.is_end_entity(c)) for c in ordered.values()]


def preselected(reading: Reading) -> Certificate | None:
    """The certificate meant when nobody chose: the only one, the first presented, or the one end-entity certificate.

    None where a person must choose.
    """
    certs = reading.certificates
    if len(certs) == 1 or (certs and reading.format == "connection"):
        return certs[0]
    family = _Family(certs)
    end_entities = [c for c in certs if family.is_end_entity(c)]
    return end_entities[0] if len(end_entities) == 1 else None


class _Family:
    """Certificates that may have issued one another."""

    def __init__(self, certs: Sequence[Certificate]) -> None:
        self.members = list({c.sha256: c for c in certs}.values())
        self.by_subject: dict[str, list[Certificate]] = {}
        for c in self.members:
            self.by_subject.setdefault(c.facts.subject, []).append(c)
        issuers = (self.issuer_of(c) for c in self.members)
        self.issuing = {issuer.sha256 for issuer in issuers if issuer is not None}

    def issuer_of(self, certificate: Certificate) -> Certificate | None:
        """The member that issued this one, or None (also for one that issued itself)."""
        facts = certificate.facts
        if facts.self_issued or not facts.issuer:
            return None
        candidates = self.by_subject.get(facts.issuer, [])
        return next((c for c in candidates if not c.facts.ski or not facts.aki or c.facts.ski == facts.aki), None)

    def is_end_entity(self, certificate: Certificate) -> bool:
        """Not a CA, nor the issuer of another one here (certificates of version 1 cannot say that they are a CA)."""
        return not certificate.facts.is_ca and certificate.sha256 not in self.issuing

    def verdict(self, certificate: Certificate) -> str:
        """One sentence about its place."""
        facts = certificate.facts
        if self.is_end_entity(certificate):
            kind = "End-entity certificate"
        elif facts.self_issued:
            kind = "Root CA"
        else:
            kind = "Intermediate CA" if facts.is_ca else "Issuer without a CA mark"
        return f"{kind}, {self._issued_by(certificate)}."

    def _issued_by(self, certificate: Certificate) -> str:
        if certificate.facts.self_issued:
            broken = certificate.facts.self_signed is False
            return "whose own signature does not verify" if broken else "issued by itself"
        issuer = self.issuer_of(certificate)
        return f"issued by {issuer.facts.certificate_name}" if issuer else "whose issuer is not among these"
