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
    rest = list(dict.fromkeys(certs))
    starts = [c for c in rest if is_end_entity(c, certs)] + [c for c in rest if not _issued_any(c, certs)] + rest
    ordered: list[Certificate] = []
    for start in starts:
        at: Certificate | None = start
        while at is not None and at not in ordered:
            ordered.append(at)
            at = issuer_of(at, certs)
    return [Offered(c, _verdict(c, certs), is_end_entity(c, certs)) for c in ordered]


def preselected(reading: Reading) -> Certificate | None:
    """The certificate meant when nobody chose: the only one, the first presented, or the one end-entity certificate.

    None where a person must choose.
    """
    certs = reading.certificates
    if len(certs) == 1 or (certs and reading.format == "connection"):
        return certs[0]
    end_entities = [c for c in certs if is_end_entity(c, certs)]
    return end_entities[0] if len(end_entities) == 1 else None


def is_end_entity(certificate: Certificate, among: Sequence[Certificate]) -> bool:
    """Not a CA, nor the issuer of another one here (certificates of version 1 cannot say that they are a CA)."""
    return not certificate.facts.is_ca and not _issued_any(certificate, among)


def issuer_of(certificate: Certificate, among: Sequence[Certificate]) -> Certificate | None:
    """The certificate here that issued this one, or None (also for one that issued itself)."""
    if certificate.facts.self_issued:
        return None
    return next((c for c in among if c != certificate and _could_issue(c, certificate)), None)


def _could_issue(issuer: Certificate, certificate: Certificate) -> bool:
    if issuer.facts.subject != certificate.facts.issuer or not issuer.facts.subject:
        return False
    ski, aki = issuer.facts.ski, certificate.facts.aki
    return not ski or not aki or ski == aki


def _issued_any(issuer: Certificate, among: Sequence[Certificate]) -> bool:
    return any(c != issuer and not c.facts.self_issued and _could_issue(issuer, c) for c in among)


def _verdict(certificate: Certificate, among: Sequence[Certificate]) -> str:
    facts = certificate.facts
    if is_end_entity(certificate, among):
        kind = "End-entity certificate"
    elif facts.self_issued:
        kind = "Root CA"
    else:
        kind = "Intermediate CA" if facts.is_ca else "Issuer without a CA mark"
    return f"{kind}, {_issued_by(certificate, among)}."


def _issued_by(certificate: Certificate, among: Sequence[Certificate]) -> str:
    if certificate.facts.self_issued:
        broken = certificate.facts.self_signed is False
        return "whose own signature does not verify" if broken else "issued by itself"
    issuer = issuer_of(certificate, among)
    if issuer is not None:
        return f"issued by {issuer.facts.certificate_name}"
    return "whose issuer is not among these"
