"""Certificates made octet by octet, so that each can be wrong in exactly one way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trustyard.pki import der
from trustyard.pki.der import encode, encode_oid

ECDSA_SHA256, ECDSA_SHA1 = "1.2.840.10045.4.3.2", "1.2.840.10045.4.1"
SERVER, CLIENT, CODE = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.3"
CN, OU, COUNTRY = "2.5.4.3", "2.5.4.11", "2.5.4.6"
UTF8, PRINTABLE = 0x0C, 0x13
TRUE = encode(der.BOOLEAN, b"\xff")
Extension = tuple[str, bool, bytes]


@cache
def key() -> ec.EllipticCurvePrivateKey:
    """The key of every certificate that is not told another one."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """An RSA key of this size."""
    return rsa.generate_private_key(65537, bits)


def spki_of(private: Any) -> bytes:
    """A SubjectPublicKeyInfo in DER."""
    return bytes(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def rsa_spki(modulus: int, exponent: int) -> bytes:
    """An RSA key of these numbers, whatever they are."""
    numbers = encode(der.SEQUENCE, integer(modulus), integer(exponent))
    algorithm = encode(der.SEQUENCE, encode_oid("1.2.840.113549.1.1.1"), encode(der.NULL))
    return encode(der.SEQUENCE, algorithm, encode(der.BIT_STRING, b"\x00", numbers))


def plain_spki(oid: str, parameters: bytes = b"", octets: bytes = bytes(32)) -> bytes:
    """A key of an algorithm."""
    algorithm = encode(der.SEQUENCE, encode_oid(oid), parameters)
    return encode(der.SEQUENCE, algorithm, encode(der.BIT_STRING, b"\x00", octets))


def integer(value: int) -> bytes:
    """An INTEGER."""
    return encode(der.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def name(*attributes: tuple[str, int, bytes]) -> bytes:
    """A distinguished name, one attribute in each relative name."""
    rdns = (
        encode(der.SET, encode(der.SEQUENCE, encode_oid(oid), encode(tag, value))) for oid, tag, value in attributes
    )
    return encode(der.SEQUENCE, *rdns)


def utc(text: str) -> bytes:
    """A UTCTime."""
    return encode(der.UTC_TIME, text.encode())


def generalized(text: str) -> bytes:
    """A GeneralizedTime."""
    return encode(der.GENERALIZED_TIME, text.encode())


def basic(*parts: bytes, critical: bool = True) -> Extension:
    """basicConstraints."""
    return "2.5.29.19", critical, encode(der.SEQUENCE, *parts)


def usage(octet: int) -> Extension:
    """keyUsage by its first octet; 0x06 is signing of certificates and CRLs, 0x80 a digital signature."""
    unused = (octet & -octet).bit_length() - 1  # DER leaves trailing zero bits out
    return "2.5.29.15", True, encode(der.BIT_STRING, bytes([unused, octet]))


def purposes(*oids: str) -> Extension:
    """extKeyUsage."""
    return "2.5.29.37", False, encode(der.SEQUENCE, *map(encode_oid, oids))


def dns(*names: str) -> Extension:
    """subjectAltName with DNS names."""
    return "2.5.29.17", False, encode(der.SEQUENCE, *(encode(0x82, one.encode()) for one in names))


def constraints(*trees: bytes, critical: bool = True, tag: int = 0xA0) -> Extension:
    """nameConstraints with these subtrees."""
    return "2.5.29.30", critical, encode(der.SEQUENCE, encode(tag, *trees))


def subject_key(critical: bool = False) -> Extension:
    """subjectKeyIdentifier."""
    return "2.5.29.14", critical, encode(der.OCTET_STRING, hashlib.sha256(b"subject").digest()[:20])


def authority_key() -> Extension:
    """authorityKeyIdentifier of another key."""
    return "2.5.29.35", False, encode(der.SEQUENCE, encode(0x80, hashlib.sha256(b"issuer").digest()[:20]))


ISSUER = name((CN, UTF8, b"Another CA"))
SUBJECT = name((CN, UTF8, b"Made Here"))
CA = (basic(TRUE), usage(0x06), subject_key())
LEAF = (usage(0x80), subject_key(), authority_key(), dns("partner.example"))


def certificate(
    extensions: Sequence[Extension] = CA,
    *,
    version: int = 3,
    serial: int = 0x1234567890,
    algorithm: str = ECDSA_SHA256,
    outer: str = "",
    subject: bytes = SUBJECT,
    issuer: bytes | None = None,
    begins: bytes = utc("260101000000Z"),
    ends: bytes = utc("360101000000Z"),
    spki: bytes | None = None,
    unique: bytes = b"",
    private: Any = None,
    broken: bool = False,
) -> bytes:
    """A certificate in DER: an ordinary root with whatever is said to be other than usual.

    Without `issuer` it issues itself. It is signed by `private`, an RSA or EC key, else by `key()`.
    """
    private = private or key()
    parts = [encode(0xA0, integer(version - 1))] if version != 1 else []
    parts += [
        integer(serial),
        encode(der.SEQUENCE, encode_oid(algorithm)),
        subject if issuer is None else issuer,
        encode(der.SEQUENCE, begins, ends),
        subject,
        spki or spki_of(private),
        unique,
    ]
    if extensions:
        parts.append(encode(0xA3, encode(der.SEQUENCE, *map(_extension, extensions))))
    tbs = encode(der.SEQUENCE, *parts)
    hashed = hashes.SHA1() if algorithm == ECDSA_SHA1 else hashes.SHA256()
    if isinstance(private, rsa.RSAPrivateKey):
        signature = private.sign(tbs, padding.PKCS1v15(), hashed)
    else:
        signature = private.sign(tbs, ec.ECDSA(hashed))
    if broken:
        tbs = tbs.replace(b"Made Here", b"Mode Here")
    beside = encode(der.SEQUENCE, encode_oid(outer or algorithm))
    return encode(der.SEQUENCE, tbs, beside, encode(der.BIT_STRING, b"\x00", signature))


def leaf(*extensions: Extension, **more: Any) -> bytes:
    """An end-entity certificate of another CA: the usual extensions and these; one of the same kind takes its place."""
    kept = [one for one in LEAF if one[0] not in {oid for oid, _, _ in extensions}]
    return certificate([*kept, *extensions], issuer=ISSUER, **more)


def root(*extensions: Extension, without: str = "", **more: Any) -> bytes:
    """A root: the usual extensions and these; one of the same kind takes its place."""
    replaced = {oid for oid, _, _ in extensions} | {without}
    return certificate([*(one for one in CA if one[0] not in replaced), *extensions], **more)


def _extension(one: Extension) -> bytes:
    oid, critical, value = one
    return encode(der.SEQUENCE, encode_oid(oid), TRUE if critical else b"", encode(der.OCTET_STRING, value))
