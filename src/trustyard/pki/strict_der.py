"""Whether a certificate that was read is in DER, and not in another of the forms that BER allows (X.690, 8 and 10)."""

from __future__ import annotations

import warnings

from cryptography import x509

from trustyard.pki import der
from trustyard.pki.structure import Structure

_MAX_DEPTH = 32


def is_der(structure: Structure) -> bool:
    """Whether the whole certificate is in DER; one that is nested more deeply than any is not."""
    return _loads(structure) or _is_strict(structure.raw)


def _loads(structure: Structure) -> bool:
    """Whether `cryptography` reads it: it takes DER alone, and looks at each element much quicker than we could."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x509.load_der_x509_certificate(structure.raw)
    except (ValueError, TypeError, x509.InvalidVersion):
        return False
    return True


def _is_strict(raw: bytes) -> bool:
    try:
        return _is_der(der.read(raw))
    except ValueError:  # below what a reader of certificates looks at
        return False


def _is_der(element: der.Element, depth: int = 0) -> bool:
    """Whether lengths, integers and booleans are in their one form, and no string in pieces (X.690, section 10)."""
    size = len(element.body)
    header = 2 if size < 0x80 else 2 + (size.bit_length() + 7) // 8
    if len(element.raw) != header + size or element.raw[1] == 0x80 or depth > _MAX_DEPTH:
        return False
    if element.tag & 0x20:
        whole = element.tag & 0xC0 or element.tag in (der.SEQUENCE, der.SET)
        return bool(whole) and all(_is_der(child, depth + 1) for child in element.children())
    if element.tag == der.INTEGER:
        return size == 1 or (size > 1 and (element.body[0], element.body[1] >> 7) not in ((0, 0), (0xFF, 1)))
    return element.tag != der.BOOLEAN or element.body in (b"\x00", b"\xff")
