"""PKCS#12 files that ask for work: iterations in the open, in what is encrypted, many of them, and scrypt."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from tests.pki.worst import integer, sequence
from trustyard.pki import der

PASSWORD = "secret"
_PBES2, _PBKDF2, _SCRYPT = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12", "1.3.6.1.4.1.11591.4.11"
_SHA256_MAC, _AES = "1.2.840.113549.2.9", "2.16.840.1.101.3.4.1.42"
_DATA, _ENCRYPTED = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.6"
_CERT_BAG, _KEY_BAG = "1.2.840.113549.1.12.10.1.3", "1.2.840.113549.1.12.10.1.2"


def octets(data: bytes) -> bytes:
    """An OCTET STRING."""
    return der.encode(der.OCTET_STRING, data)


def pbes2(derivation: bytes) -> bytes:
    """An AlgorithmIdentifier of PBES2 with AES-256-CBC."""
    return sequence(der.encode_oid(_PBES2), sequence(derivation, sequence(der.encode_oid(_AES), octets(bytes(16)))))


def pbkdf2(iterations: int) -> bytes:
    """PBKDF2 with HMAC-SHA-256."""
    hmac = sequence(der.encode_oid(_SHA256_MAC), der.encode(der.NULL))
    return sequence(der.encode_oid(_PBKDF2), sequence(octets(bytes(8)), integer(iterations), hmac))


def scrypt(cost: int, block: int, parallel: int) -> bytes:
    """scrypt (RFC 7914, section 7.1)."""
    return sequence(
        der.encode_oid(_SCRYPT), sequence(octets(bytes(8)), integer(cost), integer(block), integer(parallel))
    )


def encrypted(content: bytes, iterations: int = 1) -> bytes:
    """An EncryptedData that holds this content, honestly encrypted."""
    key = PBKDF2HMAC(hashes.SHA256(), 32, bytes(8), iterations).derive(PASSWORD.encode())
    return encrypted_data(pbes2(pbkdf2(iterations)), cbc(key, content))


def cbc(key: bytes, content: bytes) -> bytes:
    """AES-CBC with padding and an IV of zeros."""
    padder = padding.PKCS7(128).padder()
    padded = padder.update(content) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    return encryptor.update(padded) + encryptor.finalize()


def encrypted_data(algorithm: bytes, text: bytes | None = None) -> bytes:
    """An EncryptedData of any algorithm."""
    inner = sequence(der.encode_oid(_DATA), algorithm, der.encode(0x80, os.urandom(64) if text is None else text))
    return sequence(der.encode_oid(_ENCRYPTED), der.encode(0xA0, sequence(integer(0), inner)))


def shrouded(algorithm: bytes) -> bytes:
    """A bag with an encrypted key that asks for this algorithm."""
    return sequence(der.encode_oid(_KEY_BAG), der.encode(0xA0, sequence(algorithm, octets(os.urandom(64)))))


def certificate_bag(data: bytes) -> bytes:
    """A bag with a certificate."""
    kind = der.encode_oid("1.2.840.113549.1.9.22.1")
    return sequence(der.encode_oid(_CERT_BAG), der.encode(0xA0, sequence(kind, der.encode(0xA0, octets(data)))))


def plain(*bags: bytes) -> bytes:
    """Bags in the open."""
    return sequence(der.encode_oid(_DATA), der.encode(0xA0, octets(sequence(*bags))))


def pfx(*safes: bytes, mac: bytes | None = None) -> bytes:
    """A PFX of these; without a MAC unless one is given."""
    content = sequence(der.encode_oid(_DATA), der.encode(0xA0, octets(sequence(*safes))))
    return sequence(integer(3), content, *([mac] if mac else []))


def mac(content_iterations: int) -> bytes:
    """A MAC that is wrong, and takes so many iterations to be found so."""
    sha256 = sequence(der.encode_oid("2.16.840.1.101.3.4.2.1"), der.encode(der.NULL))
    return sequence(sequence(sha256, octets(bytes(32))), octets(bytes(8)), integer(content_iterations))


def old(number: int, iterations: int) -> bytes:
    """An AlgorithmIdentifier of the old kinds: 1 is RC4, 3 is 3DES, 6 is RC2 with 40 bits."""
    return sequence(der.encode_oid(f"1.2.840.113549.1.12.1.{number}"), sequence(octets(bytes(8)), integer(iterations)))
