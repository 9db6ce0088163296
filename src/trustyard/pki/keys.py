"""Public keys: what a SubjectPublicKeyInfo says about itself, read without trusting a library to know the kind."""

from __future__ import annotations

import warnings
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from trustyard.errors import InputRefused
from trustyard.pki import der, oids
from trustyard.pki.curves import CURVES
from trustyard.pki.remembering import remembered


class KeyFacts(NamedTuple):
    """Kind (`RSA`, `RSA-PSS`, `EC`, `Ed25519`, …, or the algorithm's OID), size in bits, name of the curve."""

    type: str
    size: int | None
    curve: str | None

    @property
    def words(self) -> str:
        """`RSA 2048 bit`."""
        return " ".join(filter(None, [self.type, self.curve, f"{self.size} bit" if self.size else None]))


def facts_of(spki: der.Element) -> KeyFacts:
    """What the key is (RFC 5280, section 4.1.2.7); numbers that cannot be read leave its size open.

    `DerError` when it does not even name an algorithm.
    """
    algorithm, bits = spki.expect(der.SEQUENCE).children()[:2]
    facts = _of_algorithm(algorithm.raw)
    if facts.type in ("RSA", "RSA-PSS"):
        try:
            return KeyFacts(facts.type, rsa_numbers(bits.bits())[0].bit_length(), None)
        except (ValueError, IndexError):
            return facts
    return facts


@remembered(longest=512, entries=1024)
def _of_algorithm(raw: bytes) -> KeyFacts:
    """What the algorithm and its parameters say; the size of an RSA key stands in the key alone."""
    oid, *parameters = der.inside(raw, der.SEQUENCE)
    kind = oid.oid()
    match kind:
        case oids.RSA | oids.RSA_X500:
            return KeyFacts("RSA", None, None)
        case oids.RSA_PSS:
            return KeyFacts("RSA-PSS", None, None)
        case oids.EC:
            return _curve_facts(parameters)
        case oids.DSA | oids.DSA_OLD:
            return KeyFacts("DSA", _prime_size(parameters), None)
        case oids.DH_PKCS3 | oids.DH_X942:
            return KeyFacts("DH", _prime_size(parameters), None)
    name, size = oids.PLAIN_KEYS.get(kind, (_short(kind), None))
    return KeyFacts(name, size, None)


def octets_of(spki: der.Element) -> bytes:
    """The key itself, in the form of its kind; empty where it cannot be read."""
    try:
        return spki.children()[1].bits()
    except (ValueError, IndexError):
        return b""


def rsa_numbers(key: bytes) -> tuple[int, int]:
    """Modulus and exponent of an RSAPublicKey (RFC 8017, A.1.1); `DerError` for anything else."""
    modulus, exponent = (part.integer() for part in der.inside(key, der.SEQUENCE)[:2])
    # Some writers forgot the leading zero octet, so the number came out negative; the octets are what they meant.
    if modulus < 0:
        modulus = int.from_bytes(der.read_all(key).children()[0].body, "big")
    return modulus, exponent


def load(spki: bytes) -> PublicKeyTypes:
    """The key as `cryptography` has it. `InputRefused` (`unusable-key`) where it knows or accepts no such key."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if (numbers := _rsa(spki)) is None:
                return load_der_public_key(spki)
            modulus, exponent = numbers
            return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except (ValueError, IndexError, TypeError, UnsupportedAlgorithm, OverflowError):
        raise InputRefused(
            "The public key cannot be used: its kind or its numbers are not supported.", code="unusable-key"
        ) from None


def _rsa(spki: bytes) -> tuple[int, int] | None:
    """The numbers of an RSA key; odd parameters of its algorithm do not change them. None for another key."""
    algorithm, bits = der.read_all(spki).children()
    plain = algorithm.children()[0].oid() in (oids.RSA, oids.RSA_PSS, oids.RSA_X500)
    return rsa_numbers(bits.bits()) if plain else None


def _short(oid: str) -> str:
    """An OID that nobody here knows stands for itself, unless it is made up to be long."""
    return oid if len(oid) <= 40 else "unknown"


def _curve_facts(parameters: list[der.Element]) -> KeyFacts:
    try:
        if parameters[0].tag == der.OID:
            oid = parameters[0].oid()
            name, size = CURVES.get(oid, (_short(oid), None))
            return KeyFacts("EC", size, name)
        # Explicit parameters (X9.62): version, field, curve, base, order; the size is that of the order.
        order = parameters[0].expect(der.SEQUENCE).children()[4].integer()
        return KeyFacts("EC", order.bit_length(), None)
    except (ValueError, IndexError):
        return KeyFacts("EC", None, None)


def _prime_size(parameters: list[der.Element]) -> int | None:
    """Bits of the prime that stands first in the parameters of DSA and DH.

    None where there is none: DSA parameters may be the issuer's (RFC 3279, section 2.3.2).
    """
    try:
        return parameters[0].expect(der.SEQUENCE).children()[0].integer().bit_length()
    except (ValueError, IndexError):
        return None
