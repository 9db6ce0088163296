"""Does a certificate's signature verify with a given public key: yes, no, or cannot be told here."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from trustyard.errors import InputRefused
from trustyard.pki import der, explicitcurves, hashing, keys, oids, pss, slhdsa
from trustyard.pki.hashing import CannotTell
from trustyard.pki.structure import Structure, algorithm_identifier

MAX_RSA_BITS = 16_384  # openssl's limit; a signature of a larger key takes too long
MAX_EXPONENT_BITS = 64  # the time goes with its length

# MD2, MD4, MD5 and SHA-1, with RSA, EC and DSA (RFC 3279; OIW's arc).
_WEAK = frozenset(
    {
        "1.2.840.113549.1.1.2",
        "1.2.840.113549.1.1.3",
        "1.2.840.113549.1.1.4",
        "1.2.840.113549.1.1.5",
        "1.3.14.3.2.3",
        "1.3.14.3.2.13",
        "1.3.14.3.2.15",
        "1.3.14.3.2.27",
        "1.3.14.3.2.29",
        "1.2.840.10040.4.3",
        "1.2.840.10045.4.1",
    }
)
_SHA1 = "1.3.14.3.2.26"


def verifies(structure: Structure, spki: bytes) -> bool | None:
    """Whether `structure` was signed by the key in `spki` (DER); None when the algorithm or key is not supported.

    A certificate that names one algorithm inside and another outside never verifies (RFC 5280, section 4.1.1.2).
    """
    if not structure.algorithms_agree:
        return False
    try:
        return _judged(structure, spki)
    except (CannotTell, UnsupportedAlgorithm, InputRefused):
        return None
    except (InvalidSignature, ValueError, TypeError, IndexError, OverflowError):
        return False


def weak(structure: Structure) -> bool:
    """Whether it is made with MD2, MD4, MD5 or SHA-1."""
    return structure.signature_oid in _WEAK or (structure.signature_oid == pss.OID and _pss_sha1(structure))


def _pss_sha1(structure: Structure) -> bool:
    """Whether RSASSA-PSS hashes with SHA-1, which is what it does when it does not say (RFC 4055, section 3.1)."""
    parameters = structure.signature_parameters
    try:
        hashed = [p for p in parameters.children() if p.tag == 0xA0] if parameters is not None else []
        return not hashed or algorithm_identifier(der.read_all(hashed[0].body))[0] == _SHA1
    except ValueError:
        return False


def _judged(structure: Structure, spki: bytes) -> bool:
    if (explicit := _explicit_curve(spki)) is not None:
        return explicitcurves.verifies(explicit, structure.signature, _digest(structure))
    if structure.signature_oid in oids.SLH_DSA:
        return _verifies_slh_dsa(structure, spki)
    if (numbers := _rsa_numbers(spki)) is not None and not _bounded(*numbers):
        raise CannotTell
    _verify(structure, keys.load(spki), spki)
    return True


def _bounded(modulus: int, exponent: int) -> bool:
    """Whether a signature of such an RSA key is checked here at all."""
    return 0 < modulus.bit_length() <= MAX_RSA_BITS and 0 < exponent.bit_length() <= MAX_EXPONENT_BITS


def _explicit_curve(spki: bytes) -> explicitcurves.Key | None:
    try:
        element = der.read_all(spki)
        facts = keys.facts_of(element)
        return explicitcurves.read(element) if facts.type == "EC" and facts.curve is None else None
    except (ValueError, IndexError):
        return None


def _verifies_slh_dsa(structure: Structure, spki: bytes) -> bool:
    """The algorithm of the key is that of the signature (RFC 9909, section 3)."""
    algorithm, bits = der.read_all(spki).children()
    name = oids.SLH_DSA[structure.signature_oid]
    same = algorithm.children()[0].oid() == structure.signature_oid
    return same and slhdsa.verifies(name, bits.bits(), structure.signature, structure.tbs)


def _rsa_numbers(spki: bytes) -> tuple[int, int] | None:
    """Modulus and exponent of an RSA key; None for other keys."""
    try:
        element = der.read_all(spki)
        if keys.facts_of(element).type not in ("RSA", "RSA-PSS"):
            return None
        return keys.rsa_numbers(element.children()[1].bits())
    except (ValueError, IndexError):
        return None


def _verify(structure: Structure, key: PublicKeyTypes, spki: bytes) -> None:
    signature, tbs = structure.signature, structure.tbs
    if isinstance(key, rsa.RSAPublicKey):
        if structure.signature_oid == pss.OID:
            used, bound_to = pss.read(structure.signature_parameters), pss.of_key(spki)
            if bound_to is not None and not bound_to.allow(used):
                raise InvalidSignature
            key.verify(signature, tbs, used.padding(), used.hash)
        else:
            key.verify(signature, tbs, padding.PKCS1v15(), _hash(structure))
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, tbs, ec.ECDSA(_hash(structure)))
    elif isinstance(key, dsa.DSAPublicKey):
        key.verify(signature, tbs, _hash(structure))
    elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey | _MLDSA):
        key.verify(signature, tbs)
    else:  # keys for agreement and encapsulation sign nothing
        raise InvalidSignature


_MLDSA = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey


def _digest(structure: Structure) -> bytes:
    hashed = hashes.Hash(_hash(structure))
    hashed.update(structure.tbs)
    return hashed.finalize()


def _hash(structure: Structure) -> hashes.HashAlgorithm:
    return hashing.of_signature(structure.signature_oid)
