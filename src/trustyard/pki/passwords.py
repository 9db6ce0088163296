"""Keys made of a password: the old derivation of PKCS#12 (RFC 7292, B.2), PBKDF2 and scrypt (RFC 8018, 7914)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from trustyard.pki import der

KEY, IV, MAC = 1, 2, 3

# For one file; openssl asks for 2048 for each of its parts, Java for 10 000, NSS for 600 000.
MAX_ITERATIONS = 3_000_000
MAX_KEY = 1024  # octets; 64 would do
MAX_SCRYPT_BYTES = 128 * 1024 * 1024
_OLD = 2  # iterations of PBKDF2 that one of the old derivation costs as much as: it is a call of Python

_PBKDF2, _SCRYPT = "1.2.840.113549.1.5.12", "1.3.6.1.4.1.11591.4.11"

_DIGESTS = {
    "1.3.6.1.4.1.1722.12.2.1.16": "blake2b",
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "2.16.840.1.101.3.4.2.5": "sha512_224",
    "2.16.840.1.101.3.4.2.6": "sha512_256",
    "2.16.840.1.101.3.4.2.7": "sha3_224",
    "2.16.840.1.101.3.4.2.8": "sha3_256",
    "2.16.840.1.101.3.4.2.9": "sha3_384",
    "2.16.840.1.101.3.4.2.10": "sha3_512",
}
_HMACS = {
    "1.2.840.113549.2.7": "sha1",
    "1.2.840.113549.2.8": "sha224",
    "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
    "1.2.840.113549.2.12": "sha512_224",
    "1.2.840.113549.2.13": "sha512_256",
    "2.16.840.1.101.3.4.2.13": "sha3_224",
    "2.16.840.1.101.3.4.2.14": "sha3_256",
    "2.16.840.1.101.3.4.2.15": "sha3_384",
    "2.16.840.1.101.3.4.2.16": "sha3_512",
}


class Unsupported(Exception):
    """An algorithm that is not known here, or one with odd parameters."""


class TooMuch(Unsupported):
    """One that asks for more work than is left."""


class Work:
    """What may still be done to open one file with one password, counted in iterations of PBKDF2: a second or two.

    It is taken where it is done: what a file asks for elsewhere can be hidden from whoever looks for it beforehand.
    """

    def __init__(self) -> None:
        self._left = MAX_ITERATIONS

    def take(self, iterations: int) -> None:
        """For what is about to be done. `TooMuch` where less is left."""
        self._left -= iterations
        if self._left < 0:
            raise TooMuch


def candidates(password: str | None) -> Sequence[str | None]:
    """What to try: no password is sometimes written as none, sometimes as the empty one.

    Old programs took each octet of UTF-8 for a character, so a password beyond ASCII is tried in that form too.
    """
    if not password:
        return (None, "")
    octets = password.encode("utf-8", "replace")
    return (password,) if password.isascii() else (password, octets.decode("latin-1"))


def digest_name(oid: str) -> str:
    """The name that `hashlib` has for a digest. `Unsupported` for others."""
    return _known(_DIGESTS, oid)


def hmac_name(oid: str) -> str:
    """The hash in an HMAC, by the HMAC's identifier (RFC 8018, appendix B.1). `Unsupported` for others."""
    return _known(_HMACS, oid)


def pkcs12_key(
    purpose: int, hash_name: str, password: str | None, salt: bytes, iterations: int, size: int, work: Work
) -> bytes:
    """The key derivation of PKCS#12 (RFC 7292, appendix B.2): `size` octets for `purpose`: `KEY`, `IV` or `MAC`.

    The password goes in as UTF-16BE with two zero octets behind it.
    """
    make: Callable[..., Any] = getattr(
        hashlib, hash_name, partial(hashlib.new, hash_name)
    )  # a name of its own is quicker
    sample = make(usedforsecurity=False)
    width, rounds = sample.block_size, max(1, iterations)
    work.take(_OLD * rounds * _blocks(size, sample.digest_size))
    secret = b"" if password is None else (password + "\0").encode("utf-16-be", "replace")
    mixed = bytearray(_filled(salt, width) + _filled(secret, width))
    made = b""
    while True:
        block: bytes = bytes([purpose]) * width + bytes(mixed)
        for _ in range(rounds):
            block = make(block, usedforsecurity=False).digest()
        made += block
        if len(made) >= size:
            return made[:size]
        step = int.from_bytes(_filled(block, width)[:width], "big") + 1
        for at in range(0, len(mixed), width):
            number = int.from_bytes(mixed[at : at + width], "big") + step
            mixed[at : at + width] = (number % (1 << 8 * width)).to_bytes(width, "big")


def derived(function: der.Element, password: str | None, size: int, work: Work) -> bytes:
    """A key of `size` octets by a key derivation function and its parameters (PBKDF2 or scrypt)."""
    if not 0 < size <= MAX_KEY:
        raise Unsupported
    secret = (password or "").encode("utf-8", "replace")
    kind, parameters = function.expect(der.SEQUENCE).children()
    parts = parameters.expect(der.SEQUENCE).children()
    if kind.oid() == _PBKDF2:
        named = [part for part in parts[2:] if part.tag == der.SEQUENCE]  # after an optional length of the key
        hash_name = hmac_name(named[0].children()[0].oid()) if named else "sha1"
        rounds = max(1, parts[1].integer())
        work.take(rounds * _blocks(size, hashlib.new(hash_name, usedforsecurity=False).digest_size))
        return hashlib.pbkdf2_hmac(hash_name, secret, parts[0].octets(), rounds, size)
    if kind.oid() != _SCRYPT:
        raise Unsupported
    salt, (n, r, p) = parts[0].octets(), (part.integer() for part in parts[1:4])
    if min(n, r, p) < 1:
        raise Unsupported
    work.take(n * r * p)
    if 128 * n * r > MAX_SCRYPT_BYTES:
        raise TooMuch
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=2 * MAX_SCRYPT_BYTES, dklen=size)


def _blocks(size: int, of: int) -> int:
    """How many digests make so many octets; each takes all iterations."""
    return -(-size // of)


def _filled(data: bytes, width: int) -> bytes:
    """The data over and over, to the next multiple of `width`; nothing stays nothing."""
    size = -(-len(data) // width) * width
    return (data * (size // len(data) + 1))[:size] if data else b""


def _known(table: dict[str, str], oid: str) -> str:
    if oid not in table:
        raise Unsupported
    return table[oid]
