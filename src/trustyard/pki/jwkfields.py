"""The members of a JWK one by one: base64url, which are private, which are kept, and the key that they make."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa, x448, x25519
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trustyard.errors import InputRefused
from trustyard.pki import certificates, smallorder
from trustyard.pki.reading import Notice
from trustyard.pki.refusals import refuse_private_key
from trustyard.pki.sentences import few

KEY_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"),
               "AKP": ("alg", "kty", "pub")}  # fmt: skip
FURTHER = ("use", "key_ops", "alg", "kid", "x5c", "x5t", "x5t#S256")
PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "priv")
MAX_KID = 256  # characters, of `alg` too
MAX_NUMBER = 4096  # octets of a modulus or an exponent: twice what OpenSSL verifies with
MAX_CHAIN = 20  # certificates of x5c
MAX_NAMES, MAX_NAME = 5, 40  # members that a notice names, and characters of each

_B64URL = re.compile(r"[A-Za-z0-9_-]+")
_EC: dict[str, type[ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1, "secp256k1": ec.SECP256K1,
}  # fmt: skip
_RAW: dict[tuple[str, str], Any] = {
    ("OKP", "Ed25519"): ed25519.Ed25519PublicKey,
    ("OKP", "Ed448"): ed448.Ed448PublicKey,
    ("OKP", "X25519"): x25519.X25519PublicKey,
    ("OKP", "X448"): x448.X448PublicKey,
    ("AKP", "ML-DSA-44"): mldsa.MLDSA44PublicKey,
    ("AKP", "ML-DSA-65"): mldsa.MLDSA65PublicKey,
    ("AKP", "ML-DSA-87"): mldsa.MLDSA87PublicKey,
}
_OPERATIONS = ("sign", "verify", "encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits")


def refuse(sentence: str, code: str, advice: str = "") -> InputRefused:
    """An InputRefused about a JWK."""
    return InputRefused(sentence, code=code, advice=advice)


def b64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64url_int(number: int, size: int | None = None) -> str:
    """A number as big-endian octets in base64url: the fewest, or `size` of them (RFC 7518, sections 2 and 6.2.1.2)."""
    return b64url(number.to_bytes(size or (number.bit_length() + 7) // 8 or 1, "big"))


def checked_members(jwk: Mapping[str, Any]) -> tuple[PublicKeyTypes, dict[str, Any]]:
    """The key that a JWK holds, and its other public members (`FURTHER`); for the rest see `not_kept`."""
    if not isinstance(jwk, Mapping):
        raise refuse("A JWK is a JSON object.", "bad-jwk")
    if "keys" in jwk and "kty" not in jwk:
        raise refuse("This is a JWK Set; give one key of it.", "jwk-set")
    if jwk.get("kty") == "oct" or "k" in jwk:
        raise refuse("This is a symmetric key, which is secret as a whole.", "symmetric-jwk", _EXPOSED)
    if any(member in jwk for member in PRIVATE):
        raise refuse("This JWK holds private members.", "private-jwk", "Give the public key alone. " + _EXPOSED)
    key = build(jwk)
    return key, _others(jwk, key)


def not_kept(jwk: Mapping[str, Any]) -> list[Notice]:
    """That a public JWK has members which are left out, by their names alone: a value may be anything.

    Members that nobody knows are to be ignored (RFC 7517, section 4); who publishes them would hand out what may be
    secret (D-07), or promise what nobody here keeps, such as `exp`. One that is null says nothing.
    """
    known = (*KEY_MEMBERS.get(str(jwk.get("kty")), ()), *FURTHER)
    names = [name[:MAX_NAME] for name, value in jwk.items() if name not in known and value is not None]
    sentence = f"Members of this JWK that Trustyard does not publish were left out: {few(names, MAX_NAMES)}."
    return [Notice("jwk-members-left-out", sentence)] if names else []


_EXPOSED = "Treat this one as exposed: it has left the place where it belongs."


def build(jwk: Mapping[str, Any]) -> PublicKeyTypes:
    """The key itself; `InputRefused` (`bad-jwk`, `no-jwk`) when its members are missing, malformed or no key.

    A key that needs no private one is none either, though pyca takes it.
    """
    kty, crv = jwk.get("kty"), jwk.get("crv")
    try:
        if kty == "RSA":
            modulus = _number(jwk, "n")
            if modulus % 2 == 0:
                raise refuse("The modulus of this JWK is even: anybody finds its private key.", "bad-jwk")
            return rsa.RSAPublicNumbers(_number(jwk, "e"), modulus).public_key()
        if kty == "EC" and str(crv) in _EC:
            curve = _EC[str(crv)]()
            size = (curve.key_size + 7) // 8
            return ec.EllipticCurvePublicNumbers(_number(jwk, "x", size), _number(jwk, "y", size), curve).public_key()
        raw = _RAW.get((str(kty), str(crv if kty == "OKP" else jwk.get("alg"))))
        if raw is not None:
            octets = _octets(jwk, "x" if kty == "OKP" else "pub")
            key: PublicKeyTypes = raw.from_public_bytes(octets)
            if harm := smallorder.harm(str(crv), octets):
                raise refuse(f"The key of this JWK is a point of small order: {harm}.", "bad-jwk")
            return key
    except (ValueError, OverflowError, UnsupportedAlgorithm):
        raise refuse("The numbers of this JWK make no valid public key.", "bad-jwk") from None
    if not kty:
        raise refuse("This is no JWK: the member kty is missing.", "bad-jwk")
    raise refuse("A JWK of this key type or curve is not known.", "no-jwk")


def _octets(jwk: Mapping[str, Any], member: str) -> bytes:
    value = jwk.get(member)
    if not isinstance(value, str) or not _B64URL.fullmatch(value):
        raise refuse(f"The member {member} of this JWK is missing or is not base64url.", "bad-jwk")
    try:
        octets = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except binascii.Error:
        raise refuse(f"The member {member} of this JWK is not base64url.", "bad-jwk") from None
    return octets


def _number(jwk: Mapping[str, Any], member: str, size: int | None = None) -> int:
    octets = _octets(jwk, member)
    if size is not None and len(octets) != size:
        raise refuse(f"The member {member} of this JWK must have {size} octets (RFC 7518, section 6.2.1).", "bad-jwk")
    if len(octets) > MAX_NUMBER:
        raise refuse(f"The member {member} of this JWK is too large.", "bad-jwk")
    return int.from_bytes(octets, "big")


def _others(jwk: Mapping[str, Any], key: PublicKeyTypes) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    if (use := jwk.get("use")) is not None:
        if use not in ("sig", "enc"):
            raise refuse("The use of a JWK is sig or enc.", "bad-jwk")
        kept["use"] = use
    if (operations := jwk.get("key_ops")) is not None:
        if not isinstance(operations, list) or any(o not in _OPERATIONS for o in operations):
            raise refuse("The member key_ops of this JWK is not a list of known operations.", "bad-jwk")
        kept["key_ops"] = list(dict.fromkeys(operations))
    for member in ("alg", "kid"):
        if (value := jwk.get(member)) is not None:
            if not isinstance(value, str) or not 0 < len(value) <= MAX_KID or not value.isprintable():
                sentence = f"The member {member} of this JWK is not a text of 1 to {MAX_KID} printable characters."
                raise refuse(sentence, "bad-jwk")
            refuse_private_key(value, f"source.jwk.{member}")
            kept[member] = value
    if (chain := jwk.get("x5c")) is not None:
        kept |= _chain(chain, key)
    return kept | _thumbprints(jwk, kept.get("x5c"))


def _thumbprints(jwk: Mapping[str, Any], chain: list[str] | None) -> dict[str, Any]:
    """`x5t` and `x5t#S256` as given, of the first certificate in `x5c` if there is one (RFC 7517, 4.8 and 4.9)."""
    kept = {}
    for member, make in (("x5t", hashlib.sha1), ("x5t#S256", hashlib.sha256)):
        if jwk.get(member) is None:
            continue
        octets = _octets(jwk, member)
        if len(octets) != make(usedforsecurity=False).digest_size:
            raise refuse(f"The member {member} of this JWK is no thumbprint.", "bad-jwk")
        if chain and make(base64.b64decode(chain[0]), usedforsecurity=False).digest() != octets:
            raise refuse(f"The member {member} of this JWK is of another certificate than that in x5c.", "bad-jwk")
        kept[member] = b64url(octets)
    return kept


def _chain(chain: Any, key: PublicKeyTypes) -> dict[str, Any]:
    """`x5c` as it came, when its first certificate holds this key (RFC 7517, section 4.7), and its digest."""
    if not isinstance(chain, list) or not chain or len(chain) > MAX_CHAIN:
        raise refuse("The member x5c of this JWK is not a list of certificates.", "bad-jwk")
    try:
        ders = [base64.b64decode(c, validate=True) for c in chain]
        first, *_ = [certificates.read_certificate(d) for d in ders]
        matches = _spki(first.public_key()) == _spki(key)
    except (binascii.Error, ValueError, TypeError, InputRefused):
        raise refuse("The member x5c of this JWK holds something that is no certificate.", "bad-jwk") from None
    if not matches:
        raise refuse("The certificate in x5c holds another key than the JWK.", "bad-jwk")
    return {
        "x5c": [base64.b64encode(d).decode() for d in ders],
        "x5t#S256": b64url(hashlib.sha256(ders[0]).digest()),
    }


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
