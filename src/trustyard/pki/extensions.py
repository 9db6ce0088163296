"""What the common extensions say; one that cannot be read costs itself alone, never the certificate."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple, TypeVar

from trustyard.pki import der, oids
from trustyard.pki.distinguished import ia5, read_name, rfc4514
from trustyard.pki.remembering import remembered
from trustyard.pki.structure import Structure

T = TypeVar("T")

_ACCESS = {"1.3.6.1.5.5.7.48.1": "OCSP", "1.3.6.1.5.5.7.48.2": "CA issuers"}
_URI = 0x86  # the tag of a uniformResourceIdentifier in a GeneralName
_MAX_ADDRESSES = 10  # more are never of use to a person
KEY_USAGES = (
    "digital signature",
    "non-repudiation",
    "key encipherment",
    "data encipherment",
    "key agreement",
    "certificate signing",
    "CRL signing",
    "encipher only",
    "decipher only",
)


class San(NamedTuple):
    """One alternative name: its kind (`dns`, `email`, `uri`, `ip`, `dirname`, `rid`, `othername`, …) and its value."""

    type: str
    value: str


def alternative_names(structure: Structure) -> tuple[San, ...]:
    """The subjectAltName entries in their order (RFC 5280, section 4.2.1.6)."""
    return _tolerant(structure, "2.5.29.17", lambda value: tuple(_sans(value)), ())


def basic_constraints(structure: Structure) -> tuple[bool, int | None]:
    """Whether it is a CA, and the path length (RFC 5280, section 4.2.1.9)."""
    nothing: tuple[bool, int | None] = (False, None)
    return _tolerant(structure, "2.5.29.19", _basic_constraints, nothing)


def subject_key_identifier(structure: Structure) -> str | None:
    """Lower-case hex."""
    return _tolerant(structure, "2.5.29.14", _subject_key_identifier, None)


def authority_key_identifier(structure: Structure) -> str | None:
    """The key identifier alone, lower-case hex; None when only issuer and serial are named."""
    return _tolerant(structure, "2.5.29.35", _authority_key_identifier, None)


def key_usage(structure: Structure) -> tuple[str, ...] | None:
    """What the key may do, in words; None where the certificate does not say."""
    return _tolerant(structure, "2.5.29.15", _key_usage, None)


def purposes(structure: Structure) -> tuple[str, ...] | None:
    """Extended key usages by name, or by OID where the name is not known; None where there is no such extension."""
    return _tolerant(structure, "2.5.29.37", _purposes, None)


def access_addresses(structure: Structure) -> tuple[tuple[str, str], ...]:
    """Where the issuer's certificate and its OCSP answers can be had: `CA issuers` or `OCSP` and a URI, at most ten.

    Text out of the certificate (RFC 5280, section 4.2.2.1); nothing is fetched.
    """
    return _tolerant(structure, "1.3.6.1.5.5.7.1.1", _access, ())


def issuer_addresses(structure: Structure) -> tuple[str, ...]:
    """Those of the issuer's certificate alone."""
    return tuple(address for kind, address in access_addresses(structure) if kind == "CA issuers")


def list_addresses(structure: Structure) -> tuple[str, ...]:
    """Where the revocation lists can be had: URIs, at most ten (RFC 5280, section 4.2.1.13)."""
    return _tolerant(structure, "2.5.29.31", _lists, ())


def _tolerant(structure: Structure, oid: str, reader: Callable[[bytes], T], otherwise: T) -> T:
    value = structure.extension(oid)
    if value is None:
        return otherwise
    try:
        return reader(value)
    except (ValueError, IndexError):
        return otherwise


def _subject_key_identifier(value: bytes) -> str:
    return der.read(value).expect(der.OCTET_STRING, der.OCTET_STRING | 0x20).octets().hex()


@remembered(longest=256, entries=1024)
def _basic_constraints(value: bytes) -> tuple[bool, int | None]:
    parts = der.read(value).expect(der.SEQUENCE).children()
    is_ca = bool(parts) and parts[0].tag == der.BOOLEAN and parts[0].body != b"\x00"
    lengths = [p.integer(der.MAX_COUNT) for p in parts if p.tag == der.INTEGER]
    return is_ca, lengths[0] if lengths else None


@remembered(longest=256, entries=1024)
def _authority_key_identifier(value: bytes) -> str | None:
    parts = der.read(value).expect(der.SEQUENCE).children()
    return next((p.body.hex() for p in parts if p.tag == 0x80), None)


@remembered(longest=256, entries=1024)
def _access(value: bytes) -> tuple[tuple[str, str], ...]:
    found = (part.children()[:2] for part in der.read(value).expect(der.SEQUENCE).children())
    named = ((_ACCESS.get(method.oid()), place) for method, place in found)
    pairs = ((method, ia5(place.body)) for method, place in named if method and place.tag == _URI)
    return tuple(islice(pairs, _MAX_ADDRESSES))


@remembered(longest=256, entries=1024)
def _lists(value: bytes) -> tuple[str, ...]:
    points = [part for point in der.read(value).expect(der.SEQUENCE).children() for part in point.children()]
    names = [name for point in points if point.tag == 0xA0 for full in point.children() for name in full.children()]
    return tuple([ia5(name.body) for name in names if name.tag == _URI][:_MAX_ADDRESSES])


@remembered(longest=256, entries=1024)
def _key_usage(value: bytes) -> tuple[str, ...]:
    octets = der.read(value).bits()
    return tuple(
        name for at, name in enumerate(KEY_USAGES) if at // 8 < len(octets) and octets[at // 8] & 0x80 >> at % 8
    )


@remembered(longest=256, entries=1024)
def _purposes(value: bytes) -> tuple[str, ...]:
    found = [p.oid() for p in der.read(value).expect(der.SEQUENCE).children()]
    return tuple(oids.PURPOSES.get(oid, oid) for oid in found)


def _sans(value: bytes) -> Iterator[San]:
    for element in der.read(value).expect(der.SEQUENCE).children():
        kind = element.tag & 0x1F
        try:
            yield _READERS[kind](element)
        except (ValueError, IndexError, KeyError):
            yield San("unreadable", "hex:" + element.raw.hex())


def _othername(element: der.Element) -> San:
    kind, value = element.children()
    return San("othername", f"{kind.oid()};{value.body.hex()}")


def _address(element: der.Element) -> San:
    if len(element.body) in (4, 16):
        return San("ip", str(ipaddress.ip_address(element.body)))
    return San("ip", "hex:" + element.body.hex())


def _text(kind: str) -> Callable[[der.Element], San]:
    def reader(element: der.Element) -> San:
        return San(kind, ia5(element.body))

    return reader


_READERS: dict[int, Callable[[der.Element], San]] = {
    0: _othername,
    1: _text("email"),
    2: _text("dns"),
    3: lambda element: San("x400", "hex:" + element.body.hex()),
    4: lambda element: San("dirname", rfc4514(read_name(der.read_all(element.body)))),
    5: lambda element: San("edi", "hex:" + element.body.hex()),
    6: _text("uri"),
    7: _address,
    8: lambda element: San("rid", der.dotted(element.body)),
}
