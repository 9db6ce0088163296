"""JWKs at a real Envoy: which tokens the filter `jwks` lets through, and which keys it is given."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa, x25519
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import JwtAuthentication
from jwcrypto.jwk import JWK
from jwcrypto.jwt import JWT

from tests.live.bare import ACK, BareControlPlane
from tests.live.envoy import Envoy
from tests.live.stage import Stage, add_jwt, ask
from tests.live.test_envoy_delivery import settled
from tests.xds.memory import ControlPlane
from trustyard.gateways.envoy.jwt import deny_all_jwk, unfit
from trustyard.pki.jwkfields import b64url_int
from trustyard.pki.jwks import jwk_of_key


class Signer:
    """A key pair that signs tokens; `jwk` is its public half."""

    def __init__(self, key: Any, alg: str, kid: str, **members: Any) -> None:
        self.private = JWK.from_pyca(key)
        self.alg = alg
        self.kid = kid
        self.jwk = {**jwk_of_key(key.public_key()), "kid": kid, "alg": alg, "use": "sig", **members}

    def token(self, *, named: bool = True, **claims: Any) -> str:
        """A token, whose header names the key unless told not to."""
        made = JWT(
            header={"alg": self.alg, **({"kid": self.kid} if named else {})},
            claims={"iss": "https://issuer.test", "exp": int(time.time()) + 300, **claims},
        )
        made.make_signed_token(self.private)
        return str(made.serialize())


SIGNERS = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS512": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def gateway(stage: Stage, plane: ControlPlane, *, mode: str = "delta", **options: Any) -> Envoy:
    config = stage.config(plane.port, plane.store.add(**options), mode=mode)
    config["static_resources"]["listeners"] = []
    add_jwt(config)
    return Envoy(config, stage.folder)


def test_without_any_jwk_every_request_is_refused(stage: Stage, plane: ControlPlane) -> None:
    """No set can be empty at Envoy, so a key whose private half was destroyed stands in."""
    nobody = Signer(ec.generate_private_key(ec.SECP256R1()), "ES256", "deny-all")
    with gateway(stage, plane) as envoy:
        port = envoy.port("jwt")
        assert ask(port) == ask(port, nobody.token()) == 401
        plane.store.release({})
        settled(plane)
        assert ask(port) == ask(port, nobody.token()) == 401


@pytest.mark.parametrize("alg", SIGNERS)
def test_a_token_of_a_published_key_passes_and_one_of_another_key_does_not(
    stage: Stage, plane: ControlPlane, alg: str
) -> None:
    known, other = Signer(SIGNERS[alg](), alg, "known"), Signer(SIGNERS[alg](), alg, "known")
    plane.store.release(jwks=[known.jwk])
    with gateway(stage, plane) as envoy:
        settled(plane)
        port = envoy.port("jwt")
        assert ask(port, known.token()) == 200
        assert ask(port, known.token(iss="https://somebody.else")) == 200
        assert ask(port, known.token(exp=int(time.time()) - 300)) == 401
        assert ask(port, other.token()) == ask(port) == 401


def test_a_token_that_names_no_key_passes_whatever_other_keys_stand_in_the_set(
    stage: Stage, plane: ControlPlane
) -> None:
    """Envoy tries one after the other, and ends at an Ed25519 key without `alg` for a signature of another length."""
    signers = [Signer(make(), alg, f"{at}-{alg}") for at in range(2) for alg, make in SIGNERS.items()]
    plane.store.release(jwks=[{m: v for m, v in signer.jwk.items() if m != "alg"} for signer in signers])
    with gateway(stage, plane) as envoy:
        settled(plane)
        port = envoy.port("jwt")
        assert {s.kid: ask(port, s.token(named=False)) for s in signers} == {s.kid: 200 for s in signers}
        assert ask(port, Signer(SIGNERS["RS256"](), "RS256", "other").token(named=False)) == 401


@pytest.mark.parametrize("mode", ["delta", "sotw"])
def test_new_keys_count_on_connections_that_are_open(stage: Stage, plane: ControlPlane, mode: str) -> None:
    old, new = (Signer(SIGNERS["ES256"](), "ES256", kid) for kid in ("old", "new"))
    plane.store.release(jwks=[old.jwk])
    with gateway(stage, plane, mode=mode) as envoy:
        settled(plane)
        connection = http.client.HTTPConnection("127.0.0.1", envoy.port("jwt"), timeout=20)
        assert [_on(connection, s.token()) for s in (old, new)] == [200, 401]
        plane.store.release(jwks=[new.jwk])
        settled(plane)
        assert [_on(connection, s.token()) for s in (old, new)] == [401, 200]
        connection.close()


def test_the_issuers_of_the_options_decide_who_may_come_where(stage: Stage, plane: ControlPlane) -> None:
    signer = Signer(SIGNERS["ES256"](), "ES256", "key")
    issuers = [
        {"issuer": "https://one.test", "audiences": ["shop", "till"], "prefix": "/shop"},
        {"issuer": "https://two.test", "prefix": "/shop"},
        {"issuer": "https://three.test"},
    ]
    plane.store.release(jwks=[signer.jwk])
    with gateway(stage, plane, issuers=issuers) as envoy:
        settled(plane)
        port = envoy.port("jwt")
        one = signer.token(iss="https://one.test", aud="till")
        assert ask(port, one, "/shop/1") == 200
        assert ask(port, signer.token(iss="https://one.test", aud="bank"), "/shop/1") == 403
        assert ask(port, signer.token(iss="https://two.test"), "/shop/1") == 200
        assert ask(port, one, "/") == 401
        assert ask(port, signer.token(iss="https://three.test"), "/") == 200
        assert ask(port, signer.token(iss="https://three.test"), "/shop/1") == 401
        assert ask(port, signer.token(iss="https://four.test"), "/") == 401


def test_changed_options_reach_the_gateway_without_a_release(stage: Stage, plane: ControlPlane) -> None:
    signer = Signer(SIGNERS["ES256"](), "ES256", "key")
    plane.store.release(jwks=[signer.jwk])
    with gateway(stage, plane) as envoy:
        settled(plane)
        port = envoy.port("jwt")
        assert ask(port, signer.token()) == 200
        plane.store.receipts.clear()
        plane.store.add(issuers=[{"issuer": "https://other.test"}])
        plane.store.tell("test")
        settled(plane)
        assert ask(port, signer.token()) == 401


def test_keys_that_envoy_cannot_use_are_left_out_and_named(stage: Stage, plane: ControlPlane) -> None:
    good = Signer(SIGNERS["ES256"](), "ES256", "good")
    unusable = [
        Signer(rsa.generate_private_key(65537, 2048), "RSA-OAEP-256", "for-encryption", use="enc").jwk,
        {**jwk_of_key(ec.generate_private_key(ec.SECP256K1()).public_key()), "kid": "koblitz", "alg": "ES256K"},
        {**jwk_of_key(mldsa.MLDSA44PrivateKey.generate().public_key()), "kid": "lattice"},
    ]
    plane.store.release(jwks=[good.jwk, *unusable])
    with gateway(stage, plane) as envoy:
        words = settled(plane)
        assert "The JWK for-encryption is left out: it is for encryption." in words
        assert "The JWK koblitz is left out: Envoy does not know keys of the kind secp256k1." in words
        assert "The JWK lattice is left out: Envoy does not know keys of the kind ML-DSA-44." in words
        assert ask(envoy.port("jwt"), good.token()) == 200


def test_an_encryption_key_verifies_no_token(stage: Stage, plane: ControlPlane) -> None:
    """Envoy does not look at `use`."""
    signer = Signer(SIGNERS["ES256"](), "ES256", "key")
    plane.store.release(jwks=[{**signer.jwk, "use": "enc", "alg": "ECDH-ES"}])
    with gateway(stage, plane) as envoy:
        settled(plane)
        assert ask(envoy.port("jwt"), signer.token()) == 401


def test_until_an_answer_arrives_the_filter_lets_nothing_pass(stage: Stage, tmp_path: Path) -> None:
    with BareControlPlane() as silent:
        config = stage.config(silent.port)
        config["static_resources"]["listeners"] = []
        add_jwt(config)
        with Envoy(config, tmp_path) as envoy:
            assert ask(envoy.port("jwt")) == 500


def test_envoy_and_trustyard_agree_on_every_kind_of_key(stage: Stage, tmp_path: Path) -> None:
    """Envoy drops a key it cannot use without a word, as long as another is left: so each is tried alone."""
    algorithms = ("", "RS256", "RS512", "PS384", "ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "ML-DSA-44")
    keys = [
        *(rsa.generate_private_key(65537, size) for size in (1024, 2048, 3072)),
        rsa.generate_private_key(3, 2048),
        *(ec.generate_private_key(curve()) for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1, ec.SECP256K1)),
        *(k.generate() for k in (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey, x25519.X25519PrivateKey)),
    ]
    jwks = [{**jwk_of_key(key.public_key()), **({"alg": alg} if alg else {})} for key in keys for alg in algorithms]
    modulus = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n
    jwks += [{"kty": "RSA", "n": b64url_int(modulus), "e": b64url_int(e)} for e in (17, 65539)]
    jwks += [{"kty": "RSA", "n": b64url_int((1 << (b - 1)) | 1), "e": "AQAB"} for b in (504, 512, 16384, 16392)]
    with BareControlPlane() as plane:
        config = stage.config(plane.port)
        config["static_resources"]["listeners"] = []
        add_jwt(config)
        with Envoy(config, tmp_path):
            differ = [jwk for jwk in jwks if (plane.push(_filter({"keys": [jwk]})) == ACK) == bool(unfit(jwk))]
    assert differ == []


def test_what_envoy_says_to_sets_that_trustyard_never_sends(stage: Stage, tmp_path: Path) -> None:
    """Reasons: an empty set is refused, a broken key goes silently, and a private member or another use is taken."""
    good = deny_all_jwk()
    with BareControlPlane() as plane:
        config = stage.config(plane.port)
        config["static_resources"]["listeners"] = []
        add_jwt(config)
        with Envoy(config, tmp_path):
            assert "doesn't have any valid public key" in plane.push(_filter({"keys": []}))
            assert "invalid JSON" in plane.push(_filter("{"))
            assert plane.push(_filter({"keys": [good, {"kty": "RSA", "n": "!", "e": "AQAB"}]})) == ACK
            assert plane.push(_filter({"keys": [{**good, "d": "AAAA"}]})) == ACK
            assert plane.push(_filter({"keys": [{**good, "use": "enc"}]})) == ACK


def _filter(jwks: Any) -> TypedExtensionConfig:
    text = jwks if isinstance(jwks, str) else json.dumps(jwks)
    configuration = JwtAuthentication(rules=[{"match": {"prefix": "/"}, "requires": {"provider_name": "any"}}])
    configuration.providers["any"].local_jwks.inline_string = text
    extension = TypedExtensionConfig(name="jwks")
    extension.typed_config.Pack(configuration)
    return extension


def _on(connection: http.client.HTTPConnection, token: str) -> int:
    connection.request("GET", "/", headers={"authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status
