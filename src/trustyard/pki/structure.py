"""The parts of an X.509 certificate as they stand in its DER, not yet interpreted (RFC 5280, section 4.1)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from trustyard.pki import der, times
from trustyard.pki.distinguished import Name, read_name
from trustyard.pki.remembering import CERTIFICATE, remembered

MAX_EXTENSIONS = 10_000  # real certificates have about ten
MAX_SERIAL = 1000  # octets; RFC 5280, section 4.1.2.2, allows 20, and longer ones were seen


class Extension(NamedTuple):
    """One extension: its OID, whether it is critical, and the octets of its value."""

    oid: str
    critical: bool
    value: bytes


class Structure(NamedTuple):
    """A certificate taken apart; `tbs` and `signature` are what a verifier needs.

    A date that cannot be read is such that the certificate is never valid. `algorithms_agree`: whether the signature's
    algorithm stands in the signed part as it does outside (RFC 5280, section 4.1.1.2). `validity` are the two dates
    in DER, `raw` is the whole.
    """

    version: int
    serial: int
    issuer: Name
    issuer_raw: bytes
    subject: Name
    subject_raw: bytes
    not_before: datetime
    not_after: datetime
    spki: der.Element
    extensions: tuple[Extension, ...]
    tbs: bytes
    signature_oid: str
    signature_parameters: der.Element | None
    signature: bytes
    algorithms_agree: bool
    validity: tuple[bytes, bytes]
    raw: bytes

    def extension(self, oid: str) -> bytes | None:
        """The value of the first extension of this OID."""
        for extension in self.extensions:
            if extension.oid == oid:
                return extension.value
        return None


@remembered(longest=CERTIFICATE, entries=64)  # facts, findings and readable text of one are asked for in a row
def take_apart(data: bytes) -> Structure:
    """The parts of one certificate. A ValueError (mostly `DerError`) when it is none, is cut off or goes on."""
    tbs, algorithm, signature = der.inside(data, der.SEQUENCE)
    parts = tbs.expect(der.SEQUENCE).children()
    version = 1
    if parts and parts[0].tag == 0xA0:
        version = der.read_all(parts.pop(0).body).integer(der.MAX_COUNT) + 1
    if len(parts) < 6:
        raise der.DerError("a certificate has at least six parts")
    serial, inner_algorithm, issuer, validity, subject, spki, *optional = parts
    inner_algorithm.expect(der.SEQUENCE)
    begins, ends = validity.expect(der.SEQUENCE).children()
    signature_oid, parameters = algorithm_identifier(algorithm)
    return Structure(
        version=version,
        serial=serial.integer(MAX_SERIAL),
        issuer=read_name(issuer),
        issuer_raw=issuer.raw,
        subject=read_name(subject),
        subject_raw=subject.raw,
        not_before=times.read(begins.raw) or times.LAST,
        not_after=times.read(ends.raw) or times.FIRST,
        spki=spki.expect(der.SEQUENCE),
        extensions=_extensions(optional),
        tbs=tbs.raw,
        signature_oid=signature_oid,
        signature_parameters=parameters,
        signature=signature.bits(),
        algorithms_agree=inner_algorithm.raw == algorithm.raw,
        validity=(begins.raw, ends.raw),
        raw=data,
    )


def algorithm_identifier(element: der.Element) -> tuple[str, der.Element | None]:
    """OID and parameters of an AlgorithmIdentifier; what follows the parameters in broken ones is passed over."""
    parts = element.expect(der.SEQUENCE).children()
    if not parts:
        raise der.DerError("an algorithm without a name")
    return parts[0].oid(), parts[1] if len(parts) > 1 else None


def _extensions(optional: list[der.Element]) -> tuple[Extension, ...]:
    for element in optional:
        if element.tag == 0xA3:
            rows = der.inside(element.body, der.SEQUENCE)
            if len(rows) > MAX_EXTENSIONS:
                raise der.DerError("too many extensions")
            return tuple([_extension(row.raw) for row in rows])
    return ()


@remembered(longest=256, entries=4096)
def _extension(raw: bytes) -> Extension:
    parts = der.inside(raw, der.SEQUENCE)
    critical = any(p.tag == der.BOOLEAN and p.body not in (b"", b"\x00") for p in parts[1:-1])
    return Extension(parts[0].oid(), critical, _octets(parts[-1]))


def _octets(element: der.Element) -> bytes:
    """The value of an extension; where it is no OCTET STRING, the element as it stands, which no reader understands."""
    try:
        return element.octets()
    except ValueError:
        return element.raw
