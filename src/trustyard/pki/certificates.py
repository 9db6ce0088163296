"""X.509 certificates as values: the DER, and the facts that people and programs ask for."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from trustyard.errors import InputRefused
from trustyard.pki import extensions, keys, oids, signatures
from trustyard.pki.distinguished import Name, first_value, rfc4514
from trustyard.pki.extensions import San
from trustyard.pki.keys import KeyFacts
from trustyard.pki.names import printable
from trustyard.pki.structure import Structure, take_apart

__all__ = ["Certificate", "ExtensionFact", "Facts", "KeyFacts", "San", "facts_json", "read_certificate", "status"]

_EXPIRING = timedelta(days=30)


class ExtensionFact(NamedTuple):
    """That an extension is there: OID, name (empty where unknown), critical or not."""

    oid: str
    name: str
    critical: bool


class Facts(NamedTuple):
    """What a certificate says. Digests, serial and key identifiers in lower-case hex, times aware and in UTC."""

    certificate_name: str
    sha256: str
    sha1: str
    serial_hex: str
    version: int
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    key: KeyFacts
    signature_algorithm: str
    signature_algorithm_oid: str
    sans: tuple[San, ...]
    is_ca: bool
    path_len: int | None
    self_issued: bool
    self_signed: bool | None
    ski: str | None
    aki: str | None
    extensions: tuple[ExtensionFact, ...]
    spki_sha256: str


@dataclass(frozen=True)
class Certificate:
    """One certificate: its DER, byte for byte as it came, and its facts."""

    der: bytes
    facts: Facts

    def __hash__(self) -> int:
        return hash(self.der)  # all else follows from it

    @property
    def sha256(self) -> str:
        """The fingerprint: SHA-256 of the DER, lower-case hex."""
        return self.facts.sha256

    def pem(self) -> str:
        """PEM of RFC 7468: 64 columns, a line feed at the end of each line."""
        return pem(self.der)

    def structure(self) -> Structure:
        """The certificate taken apart, for readers of further details."""
        return take_apart(self.der)

    def public_key(self) -> PublicKeyTypes:
        """The public key. `InputRefused` (`unusable-key`) when the key itself cannot be used."""
        return keys.load(self.structure().spki.raw)


def read_certificate(der: bytes) -> Certificate:
    """One certificate in DER. `InputRefused` (`unreadable-certificate`) when it is none, is cut off or goes on."""
    try:
        return Certificate(bytes(der), _facts(bytes(der), take_apart(bytes(der))))
    except (ValueError, IndexError, OverflowError, RecursionError):
        raise InputRefused(
            "This is not a readable X.509 certificate.",
            code="unreadable-certificate",
            advice="It may be cut off, changed on the way, or something else under a certificate's name.",
        ) from None


def pem(der: bytes) -> str:
    """DER in PEM armour (RFC 7468): 64 columns, `\\n` line ends."""
    text = base64.b64encode(der).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def status(not_before: datetime, not_after: datetime, moment: datetime, revoked: bool = False) -> str:
    """`revoked`, `not yet valid`, `expired`, `expiring` or `valid` at that moment.

    Expiring is the last third of the certificate's life or its last 30 days, whichever is shorter (D-12).
    """
    if revoked:
        return "revoked"
    if moment < not_before:
        return "not yet valid"
    if moment > not_after:
        return "expired"
    # Asked of all entries of a truststore: most have longer to go, whatever a third of their life is.
    soon = not_after - moment <= _EXPIRING and moment >= expiring_from(not_before, not_after)
    return "expiring" if soon else "valid"


def expiring_from(not_before: datetime, not_after: datetime) -> datetime:
    """The moment from which a certificate's status is `expiring` (D-12)."""
    return not_after - max(min(_EXPIRING, (not_after - not_before) / 3), timedelta(0))


def facts_json(certificate: Certificate, moment: datetime) -> dict[str, Any]:
    """The *X.509 facts* of the REST API: JSON values, times in RFC 3339 with `Z`."""
    from trustyard.pki.findings import findings  # which builds on this module

    facts = certificate.facts
    return {
        **lasting_json(certificate),
        "status": status(facts.not_before, facts.not_after, moment),
        "findings": [one.json() for one in findings(certificate, moment)],
    }


def lasting_json(certificate: Certificate) -> dict[str, Any]:
    """The *X.509 facts* that are the same at any moment; `status` and `findings` have only their place."""
    from trustyard.pki.readable import content  # which builds on this module

    facts = certificate.facts
    return {
        "certificate_name": facts.certificate_name,
        "sha256": facts.sha256,
        "sha1": facts.sha1,
        "serial_hex": facts.serial_hex,
        "version": facts.version,
        "subject": facts.subject,
        "issuer": facts.issuer,
        "not_before": rfc3339(facts.not_before),
        "not_after": rfc3339(facts.not_after),
        "status": "",
        "key": {"type": facts.key.type, "size": facts.key.size, "curve": facts.key.curve},
        "signature_algorithm": facts.signature_algorithm,
        "signature_algorithm_oid": facts.signature_algorithm_oid,
        "sans": [{"type": san.type, "value": san.value} for san in facts.sans],
        "is_ca": facts.is_ca,
        "path_len": facts.path_len,
        "self_issued": facts.self_issued,
        "self_signed": facts.self_signed,
        "ski": facts.ski,
        "aki": facts.aki,
        "extensions": [{"oid": e.oid, "name": e.name, "critical": e.critical} for e in facts.extensions],
        "findings": [],
        "content": content(certificate),
        "pem": certificate.pem(),
    }


def rfc3339(moment: datetime) -> str:
    """An aware UTC datetime as `2026-11-24T04:18:28Z`."""
    return moment.replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def _facts(data: bytes, structure: Structure) -> Facts:
    is_ca, path_len = extensions.basic_constraints(structure)
    sans = extensions.alternative_names(structure)
    self_issued = structure.subject_raw == structure.issuer_raw
    serial_hex = f"{structure.serial:x}"
    return Facts(
        certificate_name=_certificate_name(structure.subject, sans, serial_hex),
        sha256=hashlib.sha256(data).hexdigest(),
        sha1=hashlib.sha1(data, usedforsecurity=False).hexdigest(),
        serial_hex=serial_hex,
        version=structure.version,
        subject=rfc4514(structure.subject),
        issuer=rfc4514(structure.issuer),
        not_before=structure.not_before,
        not_after=structure.not_after,
        key=keys.facts_of(structure.spki),
        signature_algorithm=oids.SIGNATURES.get(structure.signature_oid, structure.signature_oid),
        signature_algorithm_oid=structure.signature_oid,
        sans=sans,
        is_ca=is_ca,
        path_len=path_len,
        self_issued=self_issued,
        self_signed=signatures.verifies(structure, structure.spki.raw) if self_issued else False,
        ski=extensions.subject_key_identifier(structure),
        aki=extensions.authority_key_identifier(structure),
        extensions=tuple([_extension_fact(oid, critical) for oid, critical, _ in structure.extensions]),
        spki_sha256=hashlib.sha256(structure.spki.raw).hexdigest(),
    )


@lru_cache(maxsize=1024)
def _extension_fact(oid: str, critical: bool) -> ExtensionFact:
    return ExtensionFact(oid, oids.EXTENSIONS.get(oid, ""), critical)


def _certificate_name(subject: Name, sans: tuple[San, ...], serial_hex: str) -> str:
    """D-11: common name, first DNS name, first other alternative name, organisational unit, organisation, serial."""
    if common_name := _shown(first_value(subject, "2.5.4.3")):
        return common_name
    dns = [san.value for san in sans if san.type == "dns"]
    others = [san.value for san in sans if san.type != "dns"]
    units = [first_value(subject, "2.5.4.11"), first_value(subject, "2.5.4.10")]
    return next((name for name in map(_shown, [*dns[:1], *others[:1], *units]) if name), serial_hex)


def _shown(text: str) -> str:
    """One line without control characters: a NUL inside a name must not hide what follows it."""
    return text.strip() if text.isprintable() and "  " not in text else " ".join(printable(text).split())
