"""Does a certificate's signature verify with a given public key: yes, no, or cannot be told here."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa

from trustyard.errors import InputRefused
from trustyard.pki import der, explicitcurves, keys
from trustyard.pki.structure import Structure, algorithm_identifier

_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "1.3.14.3.2.26": hashes.SHA1,
    "2.16.840.1.101.3.4.2.4": hashes.SHA224,
    "2.16.840.1.101.3.4.2.1": hashes.SHA256,
    "2.16.840.1.101.3.4.2.2": hashes.SHA384,
    "2.16.840.1.101.3.4.2.3": hashes.SHA512,
}
_SIGNATURE_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "1.2.840.113549.1.1.4": hashes.MD5,
    "1.2.840.113549.1.1.5": hashes.SHA1,
    "1.3.14.3.2.29": hashes.SHA1,
    "1.2.840.113549.1.1.14": hashes.SHA224,
    "1.2.840.113549.1.1.11": hashes.SHA256,
    "1.2.840.113549.1.1.12": hashes.SHA384,
    "1.2.840.113549.1.1.13": hashes.SHA512,
    "2.16.840.1.101.3.4.3.14": hashes.SHA3_256,
    "2.16.840.1.101.3.4.3.15": hashes.SHA3_384,
    "2.16.840.1.101.3.4.3.16": hashes.SHA3_512,
    "1.2.840.10045.4.1": hashes.SHA1,
    "1.2.840.10045.4.3.1": hashes.SHA224,
    "1.2.840.10045.4.3.2": hashes.SHA256,
    "1.2.840.10045.4.3.3": hashes.SHA384,
    "1.2.840.10045.4.3.4": hashes.SHA512,
    "2.16.840.1.101.3.4.3.10": hashes.SHA3_256,
    "2.16.840.1.101.3.4.3.11": hashes.SHA3_384,
    "2.16.840.1.101.3.4.3.12": hashes.SHA3_512,
    "1.2.840.10040.4.3": hashes.SHA1,
    "2.16.840.1.101.3.4.3.1": hashes.SHA224,
    "2.16.840.1.101.3.4.3.2": hashes.SHA256,
}
_PSS = "1.2.840.113549.1.1.10"
_MGF1 = "1.2.840.113549.1.1.8"


class _CannotTell(Exception):
    """An algorithm or a key that nobody here can verify."""


def verifies(structure: Structure, spki: bytes) -> bool | None:
    """Whether `structure` was signed by the key in `spki` (DER); None when the algorithm or key is not supported."""
    try:
        if (explicit := _explicit_curve(spki)) is not None:
            hashed = hashes.Hash(_hash(structure))
            hashed.update(structure.tbs)
            return explicitcurves.verifies(*explicit, structure.signature, hashed.finalize())
        _verify(structure, spki)
    except (_CannotTell, UnsupportedAlgorithm, InputRefused):
        return None
    except (InvalidSignature, ValueError, TypeError, IndexError, OverflowError):
        return False
    return True


def _explicit_curve(spki: bytes) -> tuple[explicitcurves.Curve, tuple[int, int]] | None:
    try:
        element = der.read_all(spki)
        facts = keys.facts_of(element)
        return explicitcurves.read(element) if facts.type == "EC" and facts.curve is None else None
    except (ValueError, IndexError):
        return None


def _verify(structure: Structure, spki: bytes) -> None:
    key = keys.load(spki)
    signature, tbs = structure.signature, structure.tbs
    if isinstance(key, rsa.RSAPublicKey):
        if structure.signature_oid == _PSS:
            key.verify(signature, tbs, *_pss(structure.signature_parameters))
        else:
            key.verify(signature, tbs, padding.PKCS1v15(), _hash(structure))
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, tbs, ec.ECDSA(_hash(structure)))
    elif isinstance(key, dsa.DSAPublicKey):
        key.verify(signature, tbs, _hash(structure))
    elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey | _MLDSA):
        key.verify(signature, tbs)
    else:
        raise _CannotTell


_MLDSA = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey


def _hash(structure: Structure) -> hashes.HashAlgorithm:
    maker = _SIGNATURE_HASHES.get(structure.signature_oid)
    if maker is None:
        raise _CannotTell
    return maker()


def _pss(parameters: der.Element | None) -> tuple[padding.PSS, hashes.HashAlgorithm]:
    """Padding and hash of RSASSA-PSS parameters; what is left out has the defaults of RFC 4055, section 3.1."""
    hashed: hashes.HashAlgorithm = hashes.SHA1()  # noqa: S303 - the standard's default; we read, we do not sign
    masked: hashes.HashAlgorithm = hashes.SHA1()  # noqa: S303 - the same
    salt = 20
    for part in parameters.expect(der.SEQUENCE).children() if parameters else []:
        value = der.read_all(part.body)
        if part.tag == 0xA0:
            hashed = _hash_of(value)
        elif part.tag == 0xA1:
            oid, inner = algorithm_identifier(value)
            if oid != _MGF1 or inner is None:
                raise _CannotTell
            masked = _hash_of(inner)
        elif part.tag == 0xA2:
            salt = value.integer()
        elif part.tag != 0xA3 or value.integer() != 1:  # trailerField: 1 is the only one there is
            raise InvalidSignature
    return padding.PSS(padding.MGF1(masked), salt), hashed


def _hash_of(element: der.Element) -> hashes.HashAlgorithm:
    maker = _HASHES.get(algorithm_identifier(element)[0])
    if maker is None:
        raise _CannotTell
    return maker()
