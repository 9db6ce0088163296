"""Which certificates Envoy's TLS library cannot read: given one of them, Envoy refuses the whole list that it is in."""

from __future__ import annotations

import re

from trustyard.pki import der, times
from trustyard.pki.distinguished import Name
from trustyard.pki.strict_der import is_der
from trustyard.pki.structure import Structure

# Measured with Envoy 1.40.0: tests/live/test_unreadable_anchors.py. Certificates that break other rules are read.
# A UTCTime and a GeneralizedTime, whole elements.
_TIME = re.compile(rb"\x17.\d{12}(?:Z|[+-]\d{4})|\x18.\d{14}Z", re.DOTALL)
_UTF8, _BMP, _UNIVERSAL = 0x0C, 0x1E, 0x1C
_WIDTHS = {_BMP: 2, _UNIVERSAL: 4}  # octets of a character


def envoy_reads(structure: Structure) -> bool:
    """Whether Envoy reads this certificate."""
    return (
        is_der(structure)
        and (structure.version == 3 or (structure.version in (1, 2) and not structure.extensions))
        and _is_name(structure.subject)
        and _is_name(structure.issuer)
        and all(_TIME.fullmatch(raw) and times.read(raw) for raw in structure.validity)
    )


def _is_name(name: Name) -> bool:
    return all(name) and all(_is_text(attribute.raw) for relative in name for attribute in relative)


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
