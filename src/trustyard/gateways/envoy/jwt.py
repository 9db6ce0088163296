"""Envoy's JWT filter made of a JWK Set: one provider per issuer, keys inline, each key checked before it goes.

Envoy drops a key that it cannot use without a word, looks neither at `use` nor at `key_ops`, and refuses a set in
which no key is left; so all of that is decided here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from envoy.config.core.v3.base_pb2 import DataSource
from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import (
    JwtAuthentication,
    JwtProvider,
    JwtRequirement,
    JwtRequirementOrList,
    RequirementRule,
)

from trustyard.errors import InputRefused
from trustyard.gateways.envoy.options import Issuer
from trustyard.pki.certificates import read_certificate
from trustyard.pki.content import PublishedJwk
from trustyard.pki.denyall import deny_all_der
from trustyard.pki.jwkfields import build
from trustyard.pki.jwks import jwk_of_key

_RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_EC_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_SENT = ("kty", "kid", "alg", "n", "e", "crv", "x", "y")  # what the verifier reads; x5c would only be weight


def filter_of(jwks: Iterable[PublishedJwk], issuers: Sequence[Issuer]) -> tuple[JwtAuthentication, tuple[str, ...]]:
    """The filter's configuration, and a sentence for each JWK left out. Without a usable JWK the filter refuses all."""
    keys, left_out = [], []
    for published in jwks:
        reason = unfit(published.jwk)
        if reason:
            left_out.append(f"The JWK {published.name} is left out: {reason}.")
        else:
            sent = {member: published.jwk[member] for member in _SENT if member in published.jwk}
            keys.append({**_only_algorithm(sent), **sent})
    text = json.dumps({"keys": keys or [deny_all_jwk()]}, sort_keys=True, separators=(",", ":"))
    return _filter(text, issuers or [Issuer.model_construct(issuer="", audiences=(), prefix="/")]), tuple(left_out)


def unfit(jwk: Mapping[str, Any]) -> str:
    """Why Envoy cannot or must not verify tokens with this key, in words that follow a colon; empty where it can."""
    if jwk.get("use", "sig") != "sig":
        return "it is for encryption"
    if "key_ops" in jwk and "verify" not in jwk["key_ops"]:
        return "its key_ops do not allow to verify"
    reason = _unknown_to_envoy(jwk)
    if reason:
        return reason
    try:
        key = build(jwk)
    except InputRefused as refused:
        return refused.sentence.rstrip(".")
    # BoringSSL takes moduli of these sizes, and the filter two exponents.
    if isinstance(key, rsa.RSAPublicKey) and not (
        512 <= key.key_size <= 16384 and key.public_numbers().e in (3, 65537)
    ):
        return "Envoy takes RSA keys of 512 to 16384 bits with the exponent 3 or 65537"
    return ""


def _unknown_to_envoy(jwk: Mapping[str, Any]) -> str:
    kty, crv, alg = jwk.get("kty"), str(jwk.get("crv", "")), jwk.get("alg")
    if kty == "RSA":
        return "" if alg in (None, *_RSA_ALGORITHMS) else f"Envoy does not verify {alg}"
    if kty == "EC" and crv in _EC_ALGORITHMS:
        return "" if alg in (None, _EC_ALGORITHMS[crv]) else f"Envoy does not verify {alg} with {crv}"
    if kty == "OKP" and crv == "Ed25519":
        return "" if alg in (None, "EdDSA") else f"Envoy knows this key under the algorithm EdDSA, not {alg}"
    return f"Envoy does not know keys of the kind {crv or alg or kty}"


def _only_algorithm(jwk: Mapping[str, Any]) -> dict[str, str]:
    """The algorithm of a key on a curve, which it has in any case; an RSA key may have several.

    Of a token that names no key Envoy tries each that may fit. One of Ed25519 without `alg` would be tried for any, and
    end the search at a signature that is not 64 octets long: an RSA key behind it would verify nothing.
    """
    alg = "EdDSA" if jwk["kty"] == "OKP" else _EC_ALGORITHMS.get(str(jwk.get("crv")))
    return {"alg": alg} if alg else {}


@cache
def deny_all_jwk() -> dict[str, Any]:
    """A key that verifies nothing: the public key of the deny-all anchor, whose private key was destroyed."""
    key = jwk_of_key(read_certificate(deny_all_der()).public_key())
    return {**key, "kid": "deny-all", "alg": "ES256"}


def _filter(jwks: str, issuers: Sequence[Issuer]) -> JwtAuthentication:
    providers = {f"issuer-{at}": issuer for at, issuer in enumerate(issuers, start=1)}
    # The first rule that matches decides, so that the longest prefix stands first.
    prefixes = sorted({issuer.prefix for issuer in issuers}, key=lambda prefix: (-len(prefix), prefix))
    return JwtAuthentication(
        providers={
            name: JwtProvider(issuer=i.issuer, audiences=i.audiences, local_jwks=DataSource(inline_string=jwks))
            for name, i in providers.items()
        },
        rules=[
            _rule(prefix, [name for name, issuer in providers.items() if issuer.prefix == prefix])
            for prefix in prefixes
        ],
    )


def _rule(prefix: str, names: Sequence[str]) -> RequirementRule:
    needed = [JwtRequirement(provider_name=name) for name in names]
    either = JwtRequirement(requires_any=JwtRequirementOrList(requirements=needed))
    return RequirementRule(match={"prefix": prefix}, requires=needed[0] if len(needed) == 1 else either)
