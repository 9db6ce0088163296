"""A release checked for one gateway before it is deployed: what it will not honour, its size, whether it loads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trustyard.pki.certificates import Certificate, read_certificate
from trustyard.pki.content import Material
from trustyard.pki.truststores import fits_pkcs12, pem_bundle

from .anchor_rules import HAPROXY_OCTETS, Program, concerns
from .anchors import ends, rooted
from .looks import look

# Which programs read what a kind delivers; folders are read by any.
PROGRAMS: dict[str, tuple[Program, ...]] = {
    "envoy": ("envoy",),
    "haproxy": ("openssl",),
    "files": ("openssl", "java"),
    "agent": ("openssl", "java"),
}


Named = Sequence[tuple[str, Certificate]]  # alias and certificate


@dataclass(frozen=True)
class Note:
    """One thing to know before a release goes: about which alias (none: the whole), and one sentence."""

    code: str
    alias: str | None
    sentence: str

    def json(self) -> dict[str, Any]:
        """As REST shows it."""
        return {"code": self.code, "alias": self.alias, "sentence": self.sentence}


@dataclass(frozen=True)
class Judged:
    """What one gateway would be given: how many certificates, octets of PEM, and what to know of it."""

    certificates: int
    octets: int
    notes: tuple[Note, ...]


def takes_roots(kind: str, options: Mapping[str, Any]) -> bool:
    """Whether a gateway is given the root set too."""
    return kind != "haproxy" or options.get("include") == "all"


def read(material: Material) -> Named:
    """The certificates of a release, each once under its first alias: read once for all gateways that are judged."""
    return [(alias, read_certificate(der)) for alias, _, der in material.named()]


def judge(certificates: Named, kind: str, moment: datetime) -> Judged:
    """What `read` made of a release, as that kind of gateway would take it; nothing is sent, nothing asked."""
    octets = len(pem_bundle([certificate.der for _, certificate in certificates]))
    notes = [*_traits(certificates, kind, moment), *_loading(certificates, kind)]
    return Judged(len(certificates), octets, (*notes, *_size(kind, octets)))


def _traits(certificates: Named, kind: str, moment: datetime) -> list[Note]:
    names = rooted(certificate for _, certificate in certificates)
    return [
        Note(_code(concern.trait), alias, concern.sentence)
        for alias, certificate in certificates
        for program in PROGRAMS.get(kind, ())
        for concern in concerns(certificate, moment, program, chained=ends(certificate, names))
    ]


def _loading(certificates: Named, kind: str) -> list[Note]:
    """Every certificate once through the libraries that gateways use: OpenSSL's own, and what Java can be given."""
    programs = PROGRAMS.get(kind, ())
    notes = []
    for alias, certificate in certificates:
        if "envoy" in programs and not look(certificate.der).by_envoy:
            notes.append(Note("not-for-envoy", alias, f"Envoy or its clients cannot read {alias}; it is left out."))
        if "java" in programs and not look(certificate.der).by_java:
            sentence = f"Java cannot read {alias}; it is left out of truststore.p12 and truststore.jks."
            notes.append(Note("not-for-java", alias, sentence))
        elif "java" in programs and not fits_pkcs12(certificate.der):
            sentence = f"{alias} cannot be put into truststore.p12; truststore.jks holds it."
            notes.append(Note("not-for-pkcs12", alias, sentence))
        if "openssl" in programs and not look(certificate.der).by_openssl:
            notes.append(Note("not-for-openssl", alias, f"OpenSSL cannot load {alias}; it is left out where it reads."))
    return notes


def _size(kind: str, octets: int) -> list[Note]:
    if kind != "haproxy" or octets <= HAPROXY_OCTETS:
        return []
    sentence = (
        f"{octets} bytes of PEM; over its Runtime API HAProxy takes {HAPROXY_OCTETS}, "
        "unless its tune.bufsize says more, which Trustyard is not told."
    )
    return [Note("too-large", None, sentence)]


def _code(trait: str) -> str:
    return "anchor-" + trait.lower().replace(" ", "-")
