"""Public JSON Web Keys: made from certificates (RFC 7517, 7518, 8037, 8812, 9964), and given by hand."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa, x448, x25519
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from trustyard.errors import InputRefused
from trustyard.pki.certificates import Certificate, read_certificate
from trustyard.pki.jwkfields import KEY_MEMBERS, b64url, b64url_int, build, checked_members, refuse

__all__ = [
    "algorithm_fits", "algorithms_for", "default_use", "findings", "jwk_from_certificate", "jwk_of_key",
    "read_public_jwk", "thumbprint", "why_refused",
]  # fmt: skip

_RSA_PSS = ("PS256", "PS384", "PS512")
_EC_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "secp256k1": "ES256K"}
_AGREEMENT = ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW")
_CURVES: dict[str, str] = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "secp256k1": "secp256k1"}
_OKP: tuple[tuple[type[Any], str], ...] = (
    (ed25519.Ed25519PublicKey, "Ed25519"),
    (ed448.Ed448PublicKey, "Ed448"),
    (x25519.X25519PublicKey, "X25519"),
    (x448.X448PublicKey, "X448"),
)
_AKP: tuple[tuple[type[Any], str], ...] = (
    (mldsa.MLDSA44PublicKey, "ML-DSA-44"),
    (mldsa.MLDSA65PublicKey, "ML-DSA-65"),
    (mldsa.MLDSA87PublicKey, "ML-DSA-87"),
)

Keyed = Certificate | Mapping[str, Any]


def algorithms_for(key: Keyed, use: str) -> list[str]:
    """The `alg` values that fit a certificate's or a JWK's key for `sig` or `enc`; the first is the default.

    Empty where the key cannot be used so. `InputRefused` (`no-jwk`) where there is no JWK for such a key at all.
    """
    pss = _is_pss(key)
    jwk = jwk_of_key(key.public_key()) if isinstance(key, Certificate) else key
    kty, crv = jwk.get("kty"), str(jwk.get("crv", ""))
    if kty == "RSA":
        if pss:
            return list(_RSA_PSS) if use == "sig" else []
        signing = ["RS256", "RS384", "RS512", *_RSA_PSS]
        return signing if use == "sig" else ["RSA-OAEP-256", "RSA-OAEP", "RSA-OAEP-384", "RSA-OAEP-512"]
    if kty == "EC":
        if use == "sig":
            return [_EC_ALGORITHMS[crv]]
        return list(_AGREEMENT) if crv != "secp256k1" else []
    if kty == "OKP":
        signs = crv in ("Ed25519", "Ed448")
        return (["EdDSA", crv] if signs else []) if use == "sig" else ([] if signs else list(_AGREEMENT))
    return [str(jwk["alg"])] if use == "sig" else []


def algorithm_fits(key: Keyed, alg: str | None, use: str) -> bool:
    """Whether a certificate's or a JWK's key can be used with this `alg` and `use`; None means no `alg` is stated."""
    fitting = algorithms_for(key, use)
    return alg in fitting if alg is not None else bool(fitting)


def default_use(certificate: Certificate) -> str:
    """`enc` for keys that only agree on secrets (X25519, X448), else `sig`."""
    return "enc" if certificate.facts.key.type in ("X25519", "X448") else "sig"


def jwk_from_certificate(
    certificate: Certificate, *, use: str | None = None, alg: str | None = None, kid: str | None = None
) -> dict[str, Any]:
    """The public JWK of a certificate: key members, `use`, `alg` (unless None), `kid`, `x5c`, `x5t#S256`.

    `use` None means the default one; `kid` None means the RFC 7638 thumbprint. `InputRefused`: `no-jwk` where the kind
    of key has no JWK, `algorithm-misfit` where `use` or `alg` does not fit it, `bad-jwk` where it would be refused if
    it were given by hand.
    """
    use = use or default_use(certificate)
    if use not in ("sig", "enc"):
        raise refuse("The use of a JWK is sig or enc.", "bad-jwk")
    jwk = jwk_of_key(certificate.public_key())
    if not algorithm_fits(certificate, alg, use):
        raise _misfit(_key_name(certificate), use, algorithms_for(certificate, use))
    build(jwk)
    made = jwk | {"use": use, "kid": kid or thumbprint(jwk)}
    if alg is not None:
        made["alg"] = alg
    made["x5c"] = [base64.b64encode(certificate.der).decode()]
    made["x5t#S256"] = b64url(hashlib.sha256(certificate.der).digest())
    return made


def jwk_of_key(key: PublicKeyTypes) -> dict[str, Any]:
    """The key members alone. `InputRefused` (`no-jwk`) for DSA, brainpool, P-224 and others that have no JWK."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": b64url_int(numbers.n), "e": b64url_int(numbers.e)}
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        point, size = key.public_numbers(), (key.curve.key_size + 7) // 8
        crv = _CURVES[key.curve.name]
        return {"kty": "EC", "crv": crv, "x": b64url_int(point.x, size), "y": b64url_int(point.y, size)}
    for kind, crv in _OKP:
        if isinstance(key, kind):
            return {"kty": "OKP", "crv": crv, "x": b64url(key.public_bytes_raw())}
    for kind, alg in _AKP:
        if isinstance(key, kind):
            return {"kty": "AKP", "alg": alg, "pub": b64url(key.public_bytes_raw())}
    raise refuse(
        "There is no registered JWK form for this kind of key.",
        "no-jwk",
        "RSA, P-256, P-384, P-521, secp256k1, Ed25519, Ed448, X25519, X448 and ML-DSA keys have one.",
    )


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The RFC 7638 thumbprint with SHA-256, base64url. `InputRefused` (`bad-jwk`) when a required member is missing."""
    members = KEY_MEMBERS.get(str(jwk.get("kty")), ())
    if not members or any(not isinstance(jwk.get(m), str) for m in members):
        raise refuse("This JWK lacks a member that its key type requires.", "bad-jwk")
    canonical = json.dumps({m: jwk[m] for m in members}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return b64url(hashlib.sha256(canonical.encode()).digest())


def findings(jwk: Mapping[str, Any]) -> list[str]:
    """What is weak about the key, one sentence each; an empty list is good news.

    Of one that is refused by now, and was stored before, why it is.
    """
    try:
        numbers = build(jwk)
    except InputRefused as refused:
        return [f"{refused.sentence} It would not be taken today: delete it, or disable it."]
    if not isinstance(numbers, rsa.RSAPublicKey):
        return []
    found = []
    if numbers.key_size < 2048:
        found.append(f"The RSA key has {numbers.key_size} bits; at least 2048 are required (RFC 7518, section 3.3).")
    if numbers.public_numbers().e < 65537:
        found.append(f"The RSA public exponent is {numbers.public_numbers().e}; 65537 is usual.")
    return found


def read_public_jwk(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """A JWK that somebody gave, checked: its public members alone, in a fixed order, the key built for a test.

    `kid` is the thumbprint where none was given. `InputRefused`: `private-jwk`, `symmetric-jwk`, `jwk-set`, `no-jwk`,
    `algorithm-misfit`, `bad-jwk`. No value of a refused JWK is ever in the message.
    """
    key, members = checked_members(jwk)
    made = jwk_of_key(key) | members
    made.setdefault("kid", thumbprint(made))
    use, alg = made.get("use"), made.get("alg")
    fitting = [a for u in ([use] if use else ["sig", "enc"]) for a in algorithms_for(made, u)]
    if (alg is not None and alg not in fitting) or not fitting:
        raise _misfit(str(made.get("crv", made["kty"])), use or "sig", fitting)
    return made


def why_refused(jwk: Mapping[str, Any]) -> InputRefused | None:
    """What a JWK that was stored before would be refused for, were it given today; None where it would be taken."""
    try:
        read_public_jwk(jwk)
    except InputRefused as refused:
        return refused
    return None


def _is_pss(key: Keyed) -> bool:
    """Whether the key is bound to RSASSA-PSS; a JWK tells only by the certificate in its `x5c`."""
    if isinstance(key, Certificate):
        return key.facts.key.type == "RSA-PSS"
    chain = key.get("x5c")
    if key.get("kty") != "RSA" or not isinstance(chain, list) or not chain:
        return False
    return read_certificate(base64.b64decode(chain[0])).facts.key.type == "RSA-PSS"


def _key_name(certificate: Certificate) -> str:
    key = certificate.facts.key
    return f"{key.type} {key.curve}" if key.curve else key.type


def _misfit(key: str, use: str, fitting: list[str]) -> InputRefused:
    if not fitting:
        return refuse(f"A key of the kind {key} cannot be used for {use}.", "algorithm-misfit")
    return refuse(
        f"This algorithm does not fit a key of the kind {key} with the use {use}.",
        "algorithm-misfit",
        f"These fit: {', '.join(fitting)}.",
    )
