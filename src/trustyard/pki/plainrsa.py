"""RSASSA-PKCS1-v1_5 on keys that `cryptography` refuses: 512 bits, the exponent 1 (RFC 8017, section 8.2.2).

For verification alone, of public values: nothing here is secret, so nothing here needs constant time.
"""

from __future__ import annotations

from trustyard.pki import der

MAX_BITS = 16_384  # openssl's limit; a signature of a larger key takes too long
MAX_EXPONENT_BITS = 64  # the time goes with its length

# RFC 8017, appendix B.1: the hash's identifier inside the padding
_NAMES = {
    "md5": "1.2.840.113549.2.5",
    "sha1": "1.3.14.3.2.26",
    "sha224": "2.16.840.1.101.3.4.2.4",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
    "sha512-224": "2.16.840.1.101.3.4.2.5",
    "sha512-256": "2.16.840.1.101.3.4.2.6",
    "sha3-224": "2.16.840.1.101.3.4.2.7",
    "sha3-256": "2.16.840.1.101.3.4.2.8",
    "sha3-384": "2.16.840.1.101.3.4.2.9",
    "sha3-512": "2.16.840.1.101.3.4.2.10",
}


def bounded(modulus: int, exponent: int) -> bool:
    """Whether a signature of such a key is checked here at all."""
    return 0 < modulus.bit_length() <= MAX_BITS and 0 < exponent.bit_length() <= MAX_EXPONENT_BITS


def verifies(modulus: int, exponent: int, signature: bytes, hash_name: str, digest: bytes) -> bool:
    """Whether the signature, opened with the key, is the padded digest; the hash is named as `cryptography` does."""
    size = (modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != size or number >= modulus:
        return False
    opened = pow(number, exponent, modulus).to_bytes(size, "big")
    return any(opened == _padded(named, digest, size) for named in _identifiers(hash_name))


def _identifiers(hash_name: str) -> tuple[bytes, bytes]:
    """The AlgorithmIdentifier with parameters NULL, as it should be, and without any, as it is met."""
    oid = der.encode_oid(_NAMES[hash_name])
    return der.encode(der.SEQUENCE, oid, der.encode(der.NULL)), der.encode(der.SEQUENCE, oid)


def _padded(identifier: bytes, digest: bytes, size: int) -> bytes:
    info = der.encode(der.SEQUENCE, identifier, der.encode(der.OCTET_STRING, digest))
    return b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
