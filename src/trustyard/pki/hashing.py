"""Hash functions by the identifiers that signatures and their parameters use."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives import hashes


class CannotTell(Exception):
    """An algorithm or a key that nobody here can verify."""


_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "1.3.14.3.2.26": hashes.SHA1,
    "2.16.840.1.101.3.4.2.4": hashes.SHA224,
    "2.16.840.1.101.3.4.2.1": hashes.SHA256,
    "2.16.840.1.101.3.4.2.2": hashes.SHA384,
    "2.16.840.1.101.3.4.2.3": hashes.SHA512,
    "2.16.840.1.101.3.4.2.5": hashes.SHA512_224,
    "2.16.840.1.101.3.4.2.6": hashes.SHA512_256,
    "2.16.840.1.101.3.4.2.7": hashes.SHA3_224,
    "2.16.840.1.101.3.4.2.8": hashes.SHA3_256,
    "2.16.840.1.101.3.4.2.9": hashes.SHA3_384,
    "2.16.840.1.101.3.4.2.10": hashes.SHA3_512,
}
_SIGNATURE_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "1.2.840.113549.1.1.4": hashes.MD5,
    "1.2.840.113549.1.1.5": hashes.SHA1,
    "1.3.14.3.2.29": hashes.SHA1,
    "1.2.840.113549.1.1.14": hashes.SHA224,
    "1.2.840.113549.1.1.11": hashes.SHA256,
    "1.2.840.113549.1.1.12": hashes.SHA384,
    "1.2.840.113549.1.1.13": hashes.SHA512,
    "1.2.840.113549.1.1.15": hashes.SHA512_224,
    "1.2.840.113549.1.1.16": hashes.SHA512_256,
    "2.16.840.1.101.3.4.3.13": hashes.SHA3_224,
    "2.16.840.1.101.3.4.3.14": hashes.SHA3_256,
    "2.16.840.1.101.3.4.3.15": hashes.SHA3_384,
    "2.16.840.1.101.3.4.3.16": hashes.SHA3_512,
    "1.2.840.10045.4.1": hashes.SHA1,
    "1.2.840.10045.4.3.1": hashes.SHA224,
    "1.2.840.10045.4.3.2": hashes.SHA256,
    "1.2.840.10045.4.3.3": hashes.SHA384,
    "1.2.840.10045.4.3.4": hashes.SHA512,
    "2.16.840.1.101.3.4.3.9": hashes.SHA3_224,
    "2.16.840.1.101.3.4.3.10": hashes.SHA3_256,
    "2.16.840.1.101.3.4.3.11": hashes.SHA3_384,
    "2.16.840.1.101.3.4.3.12": hashes.SHA3_512,
    "1.2.840.10040.4.3": hashes.SHA1,
    "1.3.14.3.2.27": hashes.SHA1,
    "2.16.840.1.101.3.4.3.1": hashes.SHA224,
    "2.16.840.1.101.3.4.3.2": hashes.SHA256,
    "2.16.840.1.101.3.4.3.3": hashes.SHA384,
    "2.16.840.1.101.3.4.3.4": hashes.SHA512,
    "2.16.840.1.101.3.4.3.5": hashes.SHA3_224,
    "2.16.840.1.101.3.4.3.6": hashes.SHA3_256,
    "2.16.840.1.101.3.4.3.7": hashes.SHA3_384,
    "2.16.840.1.101.3.4.3.8": hashes.SHA3_512,
}


def of_digest(oid: str) -> hashes.HashAlgorithm:
    """The hash of a digest's own identifier. `CannotTell` for others."""
    return _made(_HASHES, oid)


def of_signature(oid: str) -> hashes.HashAlgorithm:
    """The hash that a signature algorithm's identifier names. `CannotTell` where it names none known here."""
    return _made(_SIGNATURE_HASHES, oid)


def _made(table: dict[str, Callable[[], hashes.HashAlgorithm]], oid: str) -> hashes.HashAlgorithm:
    maker = table.get(oid)
    if maker is None:
        raise CannotTell
    return maker()
