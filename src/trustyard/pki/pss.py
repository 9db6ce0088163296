"""Parameters of RSASSA-PSS, of a signature and of a key (RFC 4055, section 3)."""

from __future__ import annotations

from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from trustyard.pki import der, hashing
from trustyard.pki.hashing import CannotTell
from trustyard.pki.structure import algorithm_identifier

OID = "1.2.840.113549.1.1.10"
_MGF1 = "1.2.840.113549.1.1.8"
_OUTDATED = ("1.2.840.113549.2.2", "1.2.840.113549.2.4", "1.2.840.113549.2.5")  # MD2, MD4, MD5: not in section 2.1


class Parameters(NamedTuple):
    """The hash, the hash of the mask, and the length of the salt in octets."""

    hash: hashes.HashAlgorithm
    mask_hash: hashes.HashAlgorithm
    salt: int

    def padding(self) -> padding.PSS:
        """As `cryptography` has it."""
        return padding.PSS(padding.MGF1(self.mask_hash), self.salt)

    def allow(self, used: Parameters) -> bool:
        """Whether a key with these parameters may make a signature with those (section 3.3)."""
        same = self.hash.name == used.hash.name and self.mask_hash.name == used.mask_hash.name
        return same and used.salt >= self.salt


def read(element: der.Element | None) -> Parameters:
    """What is left out has the defaults of section 3.1.

    `CannotTell` for hashes not known here; `InvalidSignature` for what is not allowed; ValueError for what is no DER.
    """
    hashed: hashes.HashAlgorithm = hashes.SHA1()  # noqa: S303 - the standard's default; we read, we do not sign
    masked: hashes.HashAlgorithm = hashes.SHA1()  # noqa: S303 - the same
    salt = 20
    for part in element.expect(der.SEQUENCE).children() if element else []:
        value = der.read_all(part.body)
        if part.tag == 0xA0:
            hashed = _hash(value)
        elif part.tag == 0xA1:
            oid, inner = algorithm_identifier(value)
            if oid != _MGF1 or inner is None:
                raise CannotTell
            masked = _hash(inner)
        elif part.tag == 0xA2:
            salt = value.integer()
        elif part.tag != 0xA3 or value.integer() != 1:  # trailerField: 1 is the only one there is
            raise InvalidSignature
    return Parameters(hashed, masked, salt)


def of_key(spki: bytes) -> Parameters | None:
    """The parameters that a key is bound to; None where it is bound to none."""
    oid, parameters = algorithm_identifier(der.read_all(spki).children()[0])
    return read(parameters) if oid == OID and parameters is not None else None


def _hash(element: der.Element) -> hashes.HashAlgorithm:
    oid = algorithm_identifier(element)[0]
    if oid in _OUTDATED:
        raise InvalidSignature
    return hashing.of_digest(oid)
