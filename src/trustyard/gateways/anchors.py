"""Which certificates of a release servers built on OpenSSL (HAProxy, nginx) honour as anchors, and which not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from trustyard.pki.certificates import Certificate, read_certificate
from trustyard.pki.content import Material
from trustyard.pki.denyall import deny_all_der

from .looks import look

Include = Literal["used", "all"]


@dataclass(frozen=True)
class Anchors:
    """DER of what to load, never nothing, and a sentence for each alias that is left out or trusts nobody."""

    ders: tuple[bytes, ...]
    notes: tuple[str, ...]


def for_openssl(material: Material, include: Include) -> Anchors:
    """The anchors for a verifier that does not take partial chains: each chain must end in a self-issued certificate.

    A pin that somebody else issued is left out and named (D-18); an intermediate is loaded, for it completes chains,
    and named when the set lacks what it ends in. Where nothing is left, the deny-all anchor stands (D-17).
    """
    kept: dict[str, Certificate] = {}
    notes: list[str] = []
    aliases: dict[str, str] = {}
    for alias, sha256, der in material.named(roots=include == "all"):
        certificate = read_certificate(der)
        if not look(der).by_openssl:
            notes.append(f"{alias} is left out: OpenSSL cannot read it")
        elif not certificate.facts.is_ca and not certificate.facts.self_issued:
            notes.append(f"{alias} is left out: it is not a CA, and OpenSSL takes no such certificate as an anchor")
        else:
            kept[sha256], aliases[sha256] = certificate, alias
    names = rooted(kept.values())
    notes += [
        f"{aliases[sha256]} trusts nobody: it is an intermediate, and the root that it ends in is not in the set"
        for sha256, certificate in kept.items()
        if not ends(certificate, names)
    ]
    ders = tuple(certificate.der for certificate in kept.values())
    return Anchors(ders or (deny_all_der(),), tuple(notes))


def rooted(certificates: Iterable[Certificate]) -> frozenset[str]:
    """The names from which the names of issuers lead to a self-issued certificate of the set."""
    below: dict[str, list[str]] = {}
    found: set[str] = set()
    waiting: list[str] = []
    for certificate in certificates:
        facts = certificate.facts
        below.setdefault(facts.issuer, []).append(facts.subject)
        waiting += [facts.subject] if facts.self_issued else []
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting += below.pop(name, ())  # each name once, however many certificates have it
    return frozenset(found)


def ends(certificate: Certificate, names: Collection[str]) -> bool:
    """Whether the names lead from here to a self-issued certificate of the set whose `rooted` names these are."""
    return certificate.facts.self_issued or certificate.facts.issuer in names
