"""Which certificates Envoy's TLS library cannot read: given one of them, Envoy refuses the whole list that it is in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from trustyard.errors import InputRefused
from trustyard.pki import der
from trustyard.pki.certificates import read_certificate
from trustyard.pki.distinguished import Name
from trustyard.pki.oddities import oddities_of
from trustyard.pki.structure import Structure

# Measured with Envoy 1.40.0: tests/live/test_unreadable_anchors.py. Certificates that break other rules are read.
_UNREAD = frozenset(
    {
        "ber-encoding",
        "unknown-version",
        "extensions-need-version-3",
        "empty-relative-name",
        "unreadable-date",
        "utc-time-with-century",
        "time-with-fraction",
        "time-without-seconds",
    }
)
_UTF8, _BMP, _UNIVERSAL = 0x0C, 0x1E, 0x1C
_WIDTHS = {_BMP: 2, _UNIVERSAL: 4}  # octets of a character
_MOST = 100_000


class Look(NamedTuple):
    """What is asked of every certificate of a release, for every gateway."""

    is_ca: bool
    is_read: bool


_looks: dict[bytes, Look] = {}  # by SHA-256, so that each is taken apart once, whatever gateways there are


def look(data: bytes) -> Look:
    """At a certificate in DER. What we cannot read ourselves, and so never store, is not judged."""
    digest = hashlib.sha256(data).digest()
    found = _looks.get(digest)
    if found is None:
        if len(_looks) >= _MOST:
            _looks.clear()
        found = _looks[digest] = _look(data)
    return found


def _look(data: bytes) -> Look:
    try:
        certificate = read_certificate(data)
    except InputRefused:
        return Look(is_ca=True, is_read=True)
    return Look(certificate.facts.is_ca, _is_read(certificate.structure()))


def _is_read(structure: Structure) -> bool:
    codes = {oddity.code for oddity in oddities_of(structure)}
    if codes & _UNREAD or not all(map(_is_text, (*_values(structure.subject), *_values(structure.issuer)))):
        return False
    return "time-with-offset" not in codes or all(map(_has_offset_of_utc_time, structure.validity))


def _values(name: Name) -> Iterator[bytes]:
    return (attribute.raw for relative in name for attribute in relative)


def _is_text(raw: bytes) -> bool:
    """Whether a string of Unicode holds characters alone (RFC 5280, section 4.1.2.4); others are not looked at."""
    tag, body = raw[0], der.read(raw).body
    if tag == _UTF8:
        try:
            return all(_is_character(ord(character)) for character in body.decode())
        except UnicodeDecodeError:
            return False
    width = _WIDTHS.get(tag, 1)
    if width == 1:
        return True
    points = (int.from_bytes(body[at : at + width]) for at in range(0, len(body), width))
    return len(body) % width == 0 and all(map(_is_character, points))


def _is_character(point: int) -> bool:
    """No surrogate, and none of the code points that will never be a character (Unicode, section 23.7)."""
    never = 0xD800 <= point <= 0xDFFF or 0xFDD0 <= point <= 0xFDEF or point & 0xFFFE == 0xFFFE
    return point <= 0x10FFFF and not never


def _has_offset_of_utc_time(raw: bytes) -> bool:
    """`YYMMDDhhmmss` and then `Z` or `+hhmm`; a GeneralizedTime only with `Z`."""
    body = der.read(raw).body
    return body.endswith(b"Z") or (raw[0] == der.UTC_TIME and body[12:13] in (b"+", b"-"))
