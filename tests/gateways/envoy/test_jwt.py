"""Why Envoy cannot verify tokens with a key, in words; the real Envoy drops such keys without one."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from trustyard.gateways.envoy.jwt import unfit
from trustyard.pki.jwkfields import b64url_int
from trustyard.pki.jwks import jwk_of_key

P256 = jwk_of_key(ec.generate_private_key(ec.SECP256R1()).public_key())
K256 = jwk_of_key(ec.generate_private_key(ec.SECP256K1()).public_key())
ED = jwk_of_key(ed25519.Ed25519PrivateKey.generate().public_key())
RSA = jwk_of_key(rsa.generate_private_key(65537, 2048).public_key())


def of_size(bits: int, exponent: int = 65537) -> dict[str, Any]:
    """An RSA key of so many bits."""
    return {"kty": "RSA", "n": b64url_int((1 << (bits - 1)) + 1), "e": b64url_int(exponent)}


OTHER_SIZE = "Envoy takes RSA keys of 512 to 16384 bits with the exponent 3 or 65537"


@pytest.mark.parametrize(
    ("jwk", "reason"),
    [
        (P256, ""),
        (P256 | {"use": "sig", "alg": "ES256", "key_ops": ["verify"]}, ""),
        (P256 | {"alg": "ES384"}, "Envoy does not verify ES384 with P-256"),
        (P256 | {"use": "enc"}, "it is for encryption"),
        (P256 | {"key_ops": ["sign"]}, "its key_ops do not allow to verify"),
        (P256 | {"y": P256["x"]}, "The numbers of this JWK make no valid public key"),
        (K256, "Envoy does not know keys of the kind secp256k1"),
        (ED, ""),
        (ED | {"alg": "EdDSA"}, ""),
        (ED | {"alg": "Ed25519"}, "Envoy knows this key under the algorithm EdDSA, not Ed25519"),
        (RSA, ""),
        (RSA | {"alg": "PS512"}, ""),
        (RSA | {"alg": "RSA-OAEP"}, "Envoy does not verify RSA-OAEP"),
        (of_size(1024, 3), ""),
        (of_size(1024, 17), OTHER_SIZE),
        (of_size(16_384), ""),
        (of_size(16_392), OTHER_SIZE),
        ({"kty": "AKP", "alg": "ML-DSA-44"}, "Envoy does not know keys of the kind ML-DSA-44"),
        ({"kty": "XYZ"}, "Envoy does not know keys of the kind XYZ"),
    ],
)
def test_a_key_that_envoy_cannot_verify_with_has_its_reason(jwk: dict[str, Any], reason: str) -> None:
    assert unfit(jwk) == reason
