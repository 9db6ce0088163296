"""Certificates put together element by element, so that a test can break any of them; unsigned."""

from __future__ import annotations

from trustyard.pki import der

RSA_WITH_SHA256 = der.encode(der.SEQUENCE, der.encode_oid("1.2.840.113549.1.1.11"), der.encode(der.NULL))
ED25519 = der.encode(der.SEQUENCE, der.encode_oid("1.3.101.112"))
VERSION_3 = der.encode(0xA0, der.encode(der.INTEGER, b"\x02"))


def attribute(oid: str, value: bytes) -> bytes:
    """One attribute of a name; `value` is a whole element."""
    return der.encode(der.SEQUENCE, der.encode_oid(oid), value)


def name(*relative: bytes) -> bytes:
    """A name of relative names that hold one attribute each."""
    return der.encode(der.SEQUENCE, *[der.encode(der.SET, one) for one in relative])


def key(oid: str, *parameters: bytes, bits: bytes = b"\x01" * 32) -> bytes:
    """A SubjectPublicKeyInfo."""
    algorithm = der.encode(der.SEQUENCE, der.encode_oid(oid), *parameters)
    return der.encode(der.SEQUENCE, algorithm, der.encode(der.BIT_STRING, b"\x00" + bits))


def extension(oid: str, value: bytes, *, critical: bytes = b"") -> bytes:
    """One extension; `critical` is a whole BOOLEAN or nothing."""
    return der.encode(der.SEQUENCE, der.encode_oid(oid), critical, der.encode(der.OCTET_STRING, value))


def certificate(
    *,
    version: bytes = VERSION_3,
    serial: bytes = b"\x01",
    inner: bytes = ED25519,
    outer: bytes = ED25519,
    subject: bytes | None = None,
    begins: bytes = der.encode(der.UTC_TIME, b"260101000000Z"),
    ends: bytes = der.encode(der.UTC_TIME, b"270101000000Z"),
    spki: bytes | None = None,
    extensions: tuple[bytes, ...] = (),
    signature: bytes | None = None,
) -> bytes:
    """A certificate in DER, in order wherever nothing else is given."""
    subject = subject if subject is not None else name(attribute("2.5.4.3", der.encode(0x0C, b"made by hand")))
    issuer = name(attribute("2.5.4.3", der.encode(0x0C, b"nobody")))
    optional = [der.encode(0xA3, der.encode(der.SEQUENCE, *extensions))] if extensions else []
    validity = der.encode(der.SEQUENCE, begins, ends)
    parts = [version, der.encode(der.INTEGER, serial), inner, issuer, validity, subject, spki or key("1.3.101.112")]
    signed = der.encode(der.SEQUENCE, *parts, *optional)
    return der.encode(der.SEQUENCE, signed, outer, signature or der.encode(der.BIT_STRING, b"\x00" + b"\x02" * 64))


def compressed() -> bytes:
    """A certificate whose EC key is a compressed point (SEC 1, section 2.3.3), which Java alone cannot read."""
    return certificate(
        spki=key("1.2.840.10045.2.1", der.encode_oid("1.2.840.10045.3.1.7"), bits=b"\x02" + b"\x01" * 32)
    )
