"""Which certificates Envoy's TLS library cannot read: given one of them, Envoy refuses the whole list that it is in."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from trustyard.pki import der
from trustyard.pki.distinguished import Name
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


def envoy_reads(structure: Structure, codes: Collection[str]) -> bool:
    """Whether Envoy reads a certificate whose oddities have these codes."""
    texts = (*_values(structure.subject), *_values(structure.issuer))
    if not _UNREAD.isdisjoint(codes) or not all(map(_is_text, texts)):
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
