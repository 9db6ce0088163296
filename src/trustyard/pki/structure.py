"""The parts of an X.509 certificate as they stand in its DER, not yet interpreted (RFC 5280, section 4.1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from trustyard.pki import der
from trustyard.pki.distinguished import Name, read_name
from trustyard.pki.remembering import remembered

_TIME = re.compile(rb"(\d{10})(\d\d)?(?:[.,]\d+)?(Z|[+-]\d{4})?")


class Extension(NamedTuple):
    """One extension: its OID, whether it is critical, and the octets of its value."""

    oid: str
    critical: bool
    value: bytes


class Structure(NamedTuple):
    """A certificate taken apart; `tbs` and `signature` are what a verifier needs."""

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

    def extension(self, oid: str) -> bytes | None:
        """The value of the first extension of this OID."""
        for extension in self.extensions:
            if extension.oid == oid:
                return extension.value
        return None


@remembered(longest=16_384, entries=64)  # facts, findings and readable text of a certificate are asked for in a row
def take_apart(data: bytes) -> Structure:
    """The parts of one certificate. A ValueError (mostly `DerError`) when it is none, is cut off or goes on."""
    tbs, algorithm, signature = der.inside(data, der.SEQUENCE)
    parts = tbs.expect(der.SEQUENCE).children()
    version = 1
    if parts and parts[0].tag == 0xA0:
        version = der.read_all(parts.pop(0).body).integer() + 1
    if len(parts) < 6:
        raise der.DerError("a certificate has at least six parts")
    serial, inner_algorithm, issuer, validity, subject, spki, *optional = parts
    inner_algorithm.expect(der.SEQUENCE)
    not_before, not_after = (_moment(time.raw) for time in validity.expect(der.SEQUENCE).children())
    signature_oid, parameters = algorithm_identifier(algorithm)
    return Structure(
        version=version,
        serial=serial.integer(),
        issuer=read_name(issuer),
        issuer_raw=issuer.raw,
        subject=read_name(subject),
        subject_raw=subject.raw,
        not_before=not_before,
        not_after=not_after,
        spki=spki.expect(der.SEQUENCE),
        extensions=_extensions(optional),
        tbs=tbs.raw,
        signature_oid=signature_oid,
        signature_parameters=parameters,
        signature=signature.bits(),
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
            return tuple([_extension(row.raw) for row in der.inside(element.body, der.SEQUENCE)])
    return ()


@remembered(longest=256, entries=4096)
def _extension(raw: bytes) -> Extension:
    parts = der.inside(raw, der.SEQUENCE)
    critical = any(p.tag == der.BOOLEAN and p.body not in (b"", b"\x00") for p in parts[1:-1])
    return Extension(parts[0].oid(), critical, parts[-1].octets())


@remembered(longest=64, entries=4096)
def _moment(raw: bytes) -> datetime:
    """UTCTime or GeneralizedTime as an aware UTC datetime; fractions are cut, missing seconds are zero."""
    element = der.read_all(raw).expect(der.UTC_TIME, der.GENERALIZED_TIME)
    digits = element.body
    if element.tag == der.UTC_TIME:  # RFC 5280, section 4.1.2.5.1: 50 and later means 19..
        digits = (b"19" if digits[:2] >= b"50" else b"20") + digits
    match = _TIME.fullmatch(digits[2:])
    if not match or not digits[:2].isdigit():
        raise der.DerError("not a time")
    text = (digits[:2] + match[1] + (match[2] or b"00")).decode()
    moment = datetime(*(int(text[a:b]) for a, b in _FIELDS), tzinfo=UTC)  # type: ignore[misc, arg-type]  # six fields
    return moment - _offset(match[3])


_FIELDS = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))


def _offset(text: bytes | None) -> timedelta:
    if text is None or text == b"Z":
        return timedelta(0)
    minutes = int(text[1:3]) * 60 + int(text[3:5])
    return timedelta(minutes=-minutes if text[:1] == b"-" else minutes)
