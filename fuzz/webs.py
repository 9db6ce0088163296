"""Webs of small certificates that really sign each other, made of bytes: names, keys and extensions by number."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trustyard.pki import der

RECORD = 8  # bytes of input for one certificate
MOST = 60  # certificates of one web

_ED25519 = der.encode(der.SEQUENCE, der.encode_oid("1.3.101.112"))
_TIMES = der.encode(der.SEQUENCE, *[der.encode(der.UTC_TIME, t) for t in (b"260101000000Z", b"270101000000Z")])
_TRUE = der.encode(der.BOOLEAN, b"\xff")
_NAMES = der.encode(der.SEQUENCE, der.encode(0x82, b"a.test"), der.encode(0x87, b"\x7f\0\0\1"))
_TAIL = ("2.5.29.30", "2.5.29.32", "2.5.29.33", "2.5.29.36", "2.5.29.19", "2.5.29.17", "2.5.29.37", "1.3.6.1.5.5.7.1.1")


def web(data: bytes) -> list[bytes]:
    """DER of the certificates: the first octet says how many, each has its record, the rest is an extension's value."""
    count = min(data[0] % MOST if data else 0, len(data[1:]) // RECORD)
    tail = data[1 + count * RECORD :][:2000]
    return [_of(number, data[1 + number * RECORD :][:RECORD], tail) for number in range(count)]


def _of(number: int, record: bytes, tail: bytes) -> bytes:
    subject, issuer, key, signer, flags, own, authority, odd = record
    found = []
    if flags & 1:
        length = [der.encode(der.INTEGER, bytes([odd & 3]))] if flags & 2 else []
        found.append(extension("2.5.29.19", der.encode(der.SEQUENCE, _TRUE, *length)))
        found.append(extension("2.5.29.15", der.encode(der.BIT_STRING, b"\x01\x06")))
    if flags & 4:
        found.append(extension("2.5.29.17", _NAMES))
    if own % 4:
        found.append(extension("2.5.29.14", der.encode(der.OCTET_STRING, bytes([own % 4]))))
    if authority % 4:
        found.append(extension("2.5.29.35", der.encode(der.SEQUENCE, der.encode(0x80, bytes([authority % 4])))))
    if flags & 8:
        found.append(extension(_TAIL[odd % len(_TAIL)], tail))
    return signed(number, subject % 12, issuer % 12, key % 6, signer % 6, found)


def signed(number: int, subject: int, issuer: int, key: int, signer: int, extensions: list[bytes]) -> bytes:
    """DER of a certificate for `key`, signed by the key `signer`."""
    public = _key(key).public_key().public_bytes_raw()
    tbs = der.encode(
        der.SEQUENCE,
        der.encode(0xA0, der.encode(der.INTEGER, b"\x02")),
        der.encode(der.INTEGER, b"\x01" + number.to_bytes(4, "big")),
        _ED25519,
        name(issuer),
        _TIMES,
        name(subject),
        der.encode(der.SEQUENCE, _ED25519, der.encode(der.BIT_STRING, b"\0", public)),
        *([der.encode(0xA3, der.encode(der.SEQUENCE, *extensions))] if extensions else []),
    )
    return der.encode(der.SEQUENCE, tbs, _ED25519, der.encode(der.BIT_STRING, b"\0", _key(signer).sign(tbs)))


@cache
def name(number: int) -> bytes:
    """The name of that number; 0 is the empty one."""
    text = der.encode(0x0C, b"CA %d" % number)
    rdn = der.encode(der.SET, der.encode(der.SEQUENCE, der.encode_oid("2.5.4.3"), text))
    return der.encode(der.SEQUENCE, *([rdn] if number else []))


def extension(oid: str, value: bytes) -> bytes:
    """An extension that is not critical."""
    return der.encode(der.SEQUENCE, der.encode_oid(oid), der.encode(der.OCTET_STRING, value))


@cache
def _key(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([number + 1]) * 32)
