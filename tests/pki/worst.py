"""The worst inputs that somebody could think of, each up to the limit of a file; no certificate of anybody."""

from __future__ import annotations

import base64
import struct

from trustyard.pki import der

MB = 1_000_000
_RSA = der.encode_oid("1.2.840.113549.1.1.1")
_RSA_SHA256 = der.encode(der.SEQUENCE, der.encode_oid("1.2.840.113549.1.1.11"), der.encode(der.NULL))
_TIMES = der.encode(der.SEQUENCE, *[der.encode(der.UTC_TIME, t) for t in (b"260101000000Z", b"270101000000Z")])
_ED25519 = der.encode(der.SEQUENCE, der.encode_oid("1.3.101.112"))


def integer(number: int) -> bytes:
    """An INTEGER."""
    return der.encode(der.INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE."""
    return der.encode(der.SEQUENCE, *parts)


def attribute(value: bytes, oid: str = "2.5.4.3") -> bytes:
    """A relative name of one attribute."""
    return der.encode(der.SET, sequence(der.encode_oid(oid), value))


def extension(oid: str, value: bytes) -> bytes:
    """An extension that is not critical."""
    return sequence(der.encode_oid(oid), der.encode(der.OCTET_STRING, value))


def ed25519_key() -> bytes:
    """A key that is none, of the right length."""
    return sequence(_ED25519, der.encode(der.BIT_STRING, bytes(33)))


def rsa_key(modulus: int, exponent: int = 65537) -> bytes:
    """An RSA key of any numbers."""
    numbers = sequence(integer(modulus), integer(exponent))
    return sequence(sequence(_RSA, der.encode(der.NULL)), der.encode(der.BIT_STRING, b"\0", numbers))


def certificate(
    *,
    serial: bytes = b"\x02\x01\x01",
    subject: bytes | None = None,
    issuer: bytes | None = None,
    key: bytes | None = None,
    extensions: bytes = b"",
    version: bytes = b"\x02\x01\x02",
    algorithm: bytes = _RSA_SHA256,
    signature: bytes = bytes(256),
) -> bytes:
    """A certificate with one monstrous part; subject and issuer are the same unless said."""
    name = sequence(attribute(der.encode(0x0C, b"worst"))) if subject is None else subject
    tbs = sequence(
        der.encode(0xA0, version),
        serial,
        algorithm,
        name if issuer is None else issuer,
        _TIMES,
        name,
        ed25519_key() if key is None else key,
        *([der.encode(0xA3, sequence(extensions))] if extensions else []),
    )
    return sequence(tbs, algorithm, der.encode(der.BIT_STRING, b"\0", signature))


def with_names(count: int) -> bytes:
    """With so many alternative names."""
    names = b"".join(der.encode(0x82, b"%06d.test" % number) for number in range(count))
    return certificate(extensions=extension("2.5.29.17", sequence(names)))


def with_extensions(count: int) -> bytes:
    """With so many extensions."""
    return certificate(extensions=b"".join(extension(f"1.2.3.{number}", b"\5\0") for number in range(count)))


def with_attributes(count: int) -> bytes:
    """With so many attributes in its subject and its issuer."""
    return certificate(subject=sequence(attribute(der.encode(0x0C, b"a,b")) * count))


def with_text(text: bytes) -> bytes:
    """With this text as its common name."""
    return certificate(subject=sequence(attribute(der.encode(0x0C, text))))


def of_rsa(bits: int, exponent: int = 65537) -> bytes:
    """Of an RSA key of so many bits, signed by itself (wrongly)."""
    modulus = (1 << bits) - 159
    return certificate(key=rsa_key(modulus, exponent), signature=b"\x01" * (bits // 8))


def on_curve(p: int, a: int, b: int, base: tuple[int, int], order: int) -> bytes:
    """Of an EC key on a curve whose parameters are written out; the public point is the base point."""
    size = (p.bit_length() + 7) // 8
    point = b"\4" + base[0].to_bytes(size, "big") + base[1].to_bytes(size, "big")
    field = sequence(der.encode_oid("1.2.840.10045.1.1"), integer(p))
    coefficients = sequence(*[der.encode(der.OCTET_STRING, n.to_bytes(size, "big")) for n in (a, b)])
    written = sequence(integer(1), field, coefficients, der.encode(der.OCTET_STRING, point), integer(order))
    key = sequence(sequence(der.encode_oid("1.2.840.10045.2.1"), written), der.encode(der.BIT_STRING, b"\0", point))
    half = (1 << (order.bit_length() - 1)) - 1
    ecdsa = sequence(der.encode_oid("1.2.840.10045.4.3.4"))
    return certificate(key=key, algorithm=ecdsa, signature=sequence(integer(half), integer(half)))


def of_dsa(bits: int, q_bits: int = 256) -> bytes:
    """Of a DSA key with odd parameters."""
    p, q = (1 << bits) - 1, (1 << q_bits) - 1
    parameters = sequence(integer(p), integer(q), integer(2))
    key = sequence(
        sequence(der.encode_oid("1.2.840.10040.4.1"), parameters), der.encode(der.BIT_STRING, b"\0", integer(p - 2))
    )
    dsa = sequence(der.encode_oid("2.16.840.1.101.3.4.3.2"))
    return certificate(key=key, algorithm=dsa, signature=sequence(integer(q >> 1), integer(q >> 1)))


def armoured(data: bytes, label: str = "CERTIFICATE") -> bytes:
    """A PEM block."""
    return f"-----BEGIN {label}-----\n{base64.b64encode(data).decode()}\n-----END {label}-----\n".encode()


def nested(depth: int, tag: int = 0x30) -> bytes:
    """Elements within elements, of indefinite length."""
    return bytes([tag, 0x80]) * depth


def loose(size: int) -> bytes:
    """Empty elements within an element of indefinite length."""
    return b"\x30\x80" + b"\x05\x00" * (size // 2 - 2) + b"\0\0"


def keystore(count: int, entries: bytes, version: int = 2) -> bytes:
    """A Java keystore that announces so many entries."""
    return struct.pack(">III", 0xFEEDFEED, version, count) + entries + bytes(20)


def armour(body: bytes, label: bytes = b"CERTIFICATE") -> bytes:
    """A PEM block around a body as it is."""
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label, body, label)


def listing(count: int) -> bytes:
    """A ZIP archive of so many empty files, of which there is the directory alone."""
    entry = b"PK\1\2" + bytes(24) + struct.pack("<HHH", 5, 0, 0) + bytes(12) + b"a.cer"
    return b"PK\3\4" + entry * count + b"PK\5\6" + bytes(12) + struct.pack("<I", 4) + bytes(2)
