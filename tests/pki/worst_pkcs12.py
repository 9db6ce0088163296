"""PKCS#12 files that ask for work: iterations in the open, in what is encrypted, many of them, and scrypt."""

from __future__ import annotations

import os

from cryptography.hazmat.decrepit.ciphers.algorithms import RC2
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from tests.pki.worst import integer, sequence
from trustyard.pki import der

PASSWORD = "secret"
_PBES2, _PBKDF2, _SCRYPT = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12", "1.3.6.1.4.1.11591.4.11"
_SHA256_MAC, _AES, _RC2 = "1.2.840.113549.2.9", "2.16.840.1.101.3.4.1.42", "1.2.840.113549.3.2"
_PBMAC1 = "1.2.840.113549.1.5.14"
_DATA, _ENCRYPTED = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.6"
_CERT_BAG, _KEY_BAG = "1.2.840.113549.1.12.10.1.3", "1.2.840.113549.1.12.10.1.2"


def octets(data: bytes) -> bytes:
    """An OCTET STRING."""
    return der.encode(der.OCTET_STRING, data)


def pbes2(derivation: bytes) -> bytes:
    """An AlgorithmIdentifier of PBES2 with AES-256-CBC."""
    return sequence(der.encode_oid(_PBES2), sequence(derivation, sequence(der.encode_oid(_AES), octets(bytes(16)))))


def pbes2_rc2(derivation: bytes, version: int) -> bytes:
    """The same with RC2-CBC; the version says how many bits the key has (RFC 8018, appendix B.2.3)."""
    scheme = sequence(der.encode_oid(_RC2), sequence(integer(version), octets(bytes(8))))
    return sequence(der.encode_oid(_PBES2), sequence(derivation, scheme))


def pbkdf2(iterations: int, *further: bytes, salt: bytes | None = None) -> bytes:
    """PBKDF2 with HMAC-SHA-256."""
    hmac = sequence(der.encode_oid(_SHA256_MAC), der.encode(der.NULL))
    parts = (octets(bytes(8)) if salt is None else salt, integer(iterations), *further, hmac)
    return sequence(der.encode_oid(_PBKDF2), sequence(*parts))


def scrypt(cost: int, block: int, parallel: int) -> bytes:
    """scrypt (RFC 7914, section 7.1)."""
    return sequence(
        der.encode_oid(_SCRYPT), sequence(octets(bytes(8)), integer(cost), integer(block), integer(parallel))
    )


def encrypted(content: bytes, iterations: int = 1) -> bytes:
    """An EncryptedData that holds this content, honestly encrypted."""
    key = PBKDF2HMAC(hashes.SHA256(), 32, bytes(8), iterations).derive(PASSWORD.encode())
    return encrypted_data(pbes2(pbkdf2(iterations)), cbc(key, content))


def encrypted_with_rc2(content: bytes) -> bytes:
    """The same with RC2 of 128 bits."""
    key = PBKDF2HMAC(hashes.SHA256(), 16, bytes(8), 1).derive(PASSWORD.encode())
    return encrypted_data(pbes2_rc2(pbkdf2(1), 58), cbc(key, content, RC2))


def cbc(key: bytes, content: bytes, cipher: type[algorithms.AES | RC2] = algorithms.AES) -> bytes:
    """In CBC mode with padding and an IV of zeros."""
    padder = padding.PKCS7(cipher.block_size).padder()
    padded = padder.update(content) + padder.finalize()
    encryptor = Cipher(cipher(key), modes.CBC(bytes(cipher.block_size // 8))).encryptor()
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


def secret_bag(data: bytes) -> bytes:
    """A bag with a secret, which is passed over."""
    return sequence(der.encode_oid("1.2.840.113549.1.12.10.1.5"), der.encode(0xA0, octets(data)))


def plain(*bags: bytes) -> bytes:
    """Bags in the open."""
    return sequence(der.encode_oid(_DATA), der.encode(0xA0, octets(sequence(*bags))))


def pfx(*safes: bytes, mac: bytes | None = None) -> bytes:
    """A PFX of these; without a MAC unless one is given."""
    return pfx_of(octets(sequence(*safes)), mac=mac)


def pfx_of(content: bytes, mac: bytes | None = None) -> bytes:
    """A PFX whose content stands in this element, which should be an OCTET STRING."""
    info = sequence(der.encode_oid(_DATA), der.encode(0xA0, content))
    return sequence(integer(3), info, *([mac] if mac else []))


def mac(content_iterations: int) -> bytes:
    """A MAC that is wrong, and takes so many iterations to be found so."""
    sha256 = sequence(der.encode_oid("2.16.840.1.101.3.4.2.1"), der.encode(der.NULL))
    return sequence(sequence(sha256, octets(bytes(32))), octets(bytes(8)), integer(content_iterations))


def pbmac1(iterations: int, length: int) -> bytes:
    """One of PBMAC1 that is wrong, whose key has so many octets."""
    hmac = sequence(der.encode_oid(_SHA256_MAC), der.encode(der.NULL))
    algorithm = sequence(der.encode_oid(_PBMAC1), sequence(pbkdf2(iterations, integer(length)), hmac))
    return sequence(sequence(algorithm, octets(bytes(32))), octets(bytes(8)), integer(1))


def old(number: int, iterations: int) -> bytes:
    """An AlgorithmIdentifier of the old kinds: 1 is RC4, 3 is 3DES, 6 is RC2 with 40 bits."""
    return sequence(der.encode_oid(f"1.2.840.113549.1.12.1.{number}"), sequence(octets(bytes(8)), integer(iterations)))
