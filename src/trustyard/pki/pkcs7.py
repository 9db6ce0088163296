"""PKCS#7 as a bag of certificates: reading it (BER too) and writing it (RFC 2315, section 9)."""

from __future__ import annotations

from collections.abc import Sequence

from trustyard.errors import InputRefused
from trustyard.pki import der

SIGNED_DATA = "1.2.840.113549.1.7.2"
DATA = "1.2.840.113549.1.7.1"


def is_pkcs7(element: der.Element) -> bool:
    """Whether this is a ContentInfo of PKCS#7 or CMS, whatever its content."""
    try:
        parts = element.expect(der.SEQUENCE).children()
        return len(parts) == 2 and parts[0].oid().startswith("1.2.840.113549.1.7.") and parts[1].tag == 0xA0
    except (ValueError, IndexError):
        return False


def read(element: der.Element) -> list[bytes]:
    """DER of its certificates in file order. `InputRefused` (`bad-pkcs7`) when damaged or without signed data."""
    try:
        kind, content = element.children()
        if kind.oid() != SIGNED_DATA:
            raise InputRefused(
                "This PKCS#7 structure holds no signed data, so no certificates in the open.", code="bad-pkcs7"
            )
        parts = content.children()[0].expect(der.SEQUENCE).children()
        # The certificates are the field [0]; attribute certificates and the like there are passed over.
        bags = [part for part in parts[3:] if part.tag == 0xA0]
        return [c.raw for bag in bags for c in bag.children() if c.tag == der.SEQUENCE]
    except (ValueError, IndexError):
        raise InputRefused("This PKCS#7 structure is damaged.", code="bad-pkcs7") from None


def write(ders: Sequence[bytes]) -> bytes:
    """A certificates-only SignedData in DER, the certificates in the order given (as openssl writes it)."""
    signed = der.encode(
        der.SEQUENCE,
        der.encode(der.INTEGER, b"\x01"),
        der.encode(der.SET),
        der.encode(der.SEQUENCE, der.encode_oid(DATA)),
        der.encode(0xA0, *ders),
        der.encode(der.SET),
    )
    return der.encode(der.SEQUENCE, der.encode_oid(SIGNED_DATA), der.encode(0xA0, signed))
