"""JWKs made from certificates and JWKs given by hand; jwcrypto and node's jose are the second opinions."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwcrypto.jwk import JWK

from tests import corpus
from tests.oracles import ask_jose
from tests.tls_servers import Ca, Issued, new_key, self_signed
from trustyard.errors import InputRefused
from trustyard.pki.certificates import Certificate, read_certificate
from trustyard.pki.containers import read_file
from trustyard.pki.der import BIT_STRING, OCTET_STRING, SEQUENCE, encode, encode_oid
from trustyard.pki.findings import lasting
from trustyard.pki.jwkfields import b64url, not_kept
from trustyard.pki.jwks import (
    algorithm_fits,
    algorithms_for,
    default_use,
    findings,
    jwk_from_certificate,
    jwk_of_key,
    read_public_jwk,
    thumbprint,
)

from .made import leaf, plain_spki

CA = Ca.new("Test CA")
P25519, P448 = 2**255 - 19, 2**448 - 2**224 - 1
Y8 = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")


def certificate(kind: str) -> Certificate:
    """A certificate with a key of this kind."""
    return read_certificate(issued(kind).cert_der)


def issued(kind: str) -> Issued:
    """The same, with its private key."""
    return CA.issue(f"{kind}.test", key=kind)


def code_of(jwk: Any) -> str:
    """The code of the refusal of a JWK given by hand."""
    with pytest.raises(InputRefused) as refusal:
        read_public_jwk(jwk)
    return refusal.value.code


KINDS = {
    "rsa": ("RS256", "RSA-OAEP-256"),
    "rsa3072": ("RS256", "RSA-OAEP-256"),
    "p256": ("ES256", "ECDH-ES"),
    "p384": ("ES384", "ECDH-ES"),
    "p521": ("ES512", "ECDH-ES"),
    "secp256k1": ("ES256K", None),
    "ed25519": ("EdDSA", None),
    "ed448": ("EdDSA", None),
    "x25519": (None, "ECDH-ES"),
    "x448": (None, "ECDH-ES"),
    "ml-dsa-44": ("ML-DSA-44", None),
    "ml-dsa-65": ("ML-DSA-65", None),
    "ml-dsa-87": ("ML-DSA-87", None),
}
UNKNOWN_TO_JOSE = {"secp256k1", "ed448", "x448"}  # its version 6 gave them up


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_key_has_its_default_algorithm_for_each_use(kind: str) -> None:
    """D-04: the first one offered is the default; none means that the key has no such use."""
    made = certificate(kind)
    defaults = tuple(next(iter(algorithms_for(made, use)), None) for use in ("sig", "enc"))
    assert defaults == KINDS[kind]
    assert default_use(made) == ("sig" if defaults[0] else "enc")


@pytest.mark.parametrize("kind", KINDS)
def test_a_jwk_made_from_a_certificate_is_the_key_that_jwcrypto_sees(kind: str) -> None:
    made = certificate(kind)
    jwk = jwk_from_certificate(made, alg=algorithms_for(made, default_use(made))[0])
    theirs = JWK.from_json(json.dumps(jwk))
    assert not theirs.has_private
    assert theirs.thumbprint() == jwk["kid"]
    assert base64.b64decode(jwk["x5c"][0]) == made.der
    assert base64.urlsafe_b64decode(jwk["x5t#S256"] + "=").hex() == made.sha256
    assert read_public_jwk(jwk) == jwk


@pytest.mark.parametrize("kind", ["rsa", "p256", "p384", "p521", "secp256k1", "ed25519", "ed448", "x25519"])
def test_a_jwk_has_the_members_that_jwcrypto_takes_out_of_the_certificate(kind: str) -> None:
    pair = issued(kind)
    theirs = (
        json.loads(JWK.from_pem(pair.cert_pem).export_public())
        if kind != "x25519"
        else jwk_of_key(pair.key.public_key())
    )
    ours = jwk_from_certificate(read_certificate(pair.cert_der))
    assert {m: v for m, v in ours.items() if m in ("kty", "crv", "x", "y", "n", "e")} == {
        m: v for m, v in theirs.items() if m != "kid"
    }


@pytest.mark.parametrize("kind", KINDS)
def test_jose_imports_each_jwk_and_computes_the_same_thumbprint(kind: str) -> None:
    jwk = jwk_from_certificate(certificate(kind))
    answers = [ask_jose(jwk, alg) for alg in KINDS[kind] if alg is not None]
    assert {answer.thumbprint for answer in answers} == {thumbprint(jwk)}
    assert {answer.imported for answer in answers} == {kind not in UNKNOWN_TO_JOSE}, answers


def test_use_alg_and_kid_are_what_the_caller_asks_for() -> None:
    jwk = jwk_from_certificate(certificate("rsa"), use="enc", alg="RSA-OAEP-512", kid="mine")
    assert (jwk["use"], jwk["alg"], jwk["kid"]) == ("enc", "RSA-OAEP-512", "mine")
    assert "alg" not in jwk_from_certificate(certificate("rsa"), use="sig", alg=None)


@pytest.mark.parametrize(
    ("kind", "use", "alg"),
    [("rsa", "sig", "ES256"), ("p256", "sig", "ES384"), ("ed25519", "enc", None), ("x25519", "sig", None),
     ("rsa", "sig", "none"), ("rsa", "sig", "HS256"), ("rsa", "enc", "RSA1_5")],
)  # fmt: skip
def test_an_algorithm_that_does_not_fit_the_key_is_refused(kind: str, use: str, alg: str | None) -> None:
    """D-04."""
    assert not algorithm_fits(certificate(kind), alg, use)
    with pytest.raises(InputRefused) as refusal:
        jwk_from_certificate(certificate(kind), use=use, alg=alg)
    assert refusal.value.code == "algorithm-misfit"


@pytest.mark.parametrize(
    ("kind", "use", "said"),
    [
        ("p256", "sig", "a key of the kind EC P-256 with the use sig. These fit: ES256."),
        ("rsa", "enc", "a key of the kind RSA with the use enc. These fit: RSA-OAEP-256, RSA-OAEP, "),
        ("ed25519", "enc", "A key of the kind Ed25519 cannot be used for enc."),
    ],
)
def test_a_refusal_of_an_algorithm_names_the_key_and_what_would_fit(kind: str, use: str, said: str) -> None:
    with pytest.raises(InputRefused) as refusal:
        jwk_from_certificate(certificate(kind), use=use, alg="HS256")
    assert said in refusal.value.detail


@pytest.mark.parametrize("kind", ["brainpool"])
def test_a_key_without_a_registered_jwk_is_refused(kind: str) -> None:
    with pytest.raises(InputRefused) as refusal:
        jwk_from_certificate(certificate(kind))
    assert refusal.value.code == "no-jwk"


def test_a_weak_key_yields_a_jwk_and_a_finding() -> None:
    weak = jwk_from_certificate(read_certificate(self_signed("weak.test", key="rsa1024").cert_der))
    assert len(findings(weak)) == 1
    assert "1024" in findings(weak)[0]
    assert findings(jwk_from_certificate(certificate("rsa"))) == []
    assert findings(jwk_from_certificate(certificate("p256"))) == []


@pytest.mark.parametrize("kind", ["RSA", "EC", "OKP", "oct"])
def test_a_jwk_with_private_members_is_refused_by_name(kind: str) -> None:
    """D-07."""
    parameters = {"EC": {"crv": "P-256"}, "OKP": {"crv": "Ed25519"}, "RSA": {"size": 2048}, "oct": {"size": 256}}
    private = json.loads(JWK.generate(kty=kind, **parameters[kind]).export())
    assert code_of(private) == ("symmetric-jwk" if kind == "oct" else "private-jwk")
    with pytest.raises(InputRefused) as refusal:
        read_public_jwk(private)
    assert str(private.get("d", private.get("k"))) not in refusal.value.detail


def test_a_jwk_of_a_post_quantum_key_with_its_seed_is_refused_as_private() -> None:
    public = jwk_of_key(new_key("ml-dsa-44").public_key())
    assert code_of(public | {"priv": "AAAA"}) == "private-jwk"


GOOD = jwk_of_key(new_key("p256").public_key())
RSA = jwk_of_key(new_key("rsa").public_key())


def test_a_hand_given_jwk_keeps_its_known_public_members_and_gets_a_kid() -> None:
    jwk = read_public_jwk(GOOD | {"use": "sig", "alg": "ES256", "key_ops": ["verify"]})
    assert jwk == GOOD | {"use": "sig", "alg": "ES256", "key_ops": ["verify"], "kid": thumbprint(GOOD)}
    assert read_public_jwk(GOOD | {"kid": "2026-01"})["kid"] == "2026-01"


@pytest.mark.parametrize(
    "more", [{"iat": 1}, {"ext": True}, {"x5u": "https://a.example"}, {"n": "AQAB"}, {"crv": "P-256", "e": "AQ"}]
)
def test_a_member_that_is_not_published_is_left_out_and_named(more: dict[str, Any]) -> None:
    assert read_public_jwk(GOOD | more) == read_public_jwk(GOOD)
    (notice,) = not_kept(GOOD | more)
    assert notice.message.endswith(f" were left out: {list(more)[-1]}.")
    assert not_kept(GOOD | {"use": "sig", "alg": "ES256", "kid": "2026-01", "x5u": None}) == []


def test_of_many_members_that_are_left_out_some_are_named_and_no_value_is_shown() -> None:
    (notice,) = not_kept(GOOD | {f"member-{at}": "a secret" for at in range(7)} | {"x" * 1000: 1})
    assert "member-0, member-1, member-2, member-3, member-4 and 3 more." in notice.message
    assert "a secret" not in notice.message


def test_a_member_that_is_null_counts_as_not_given() -> None:
    assert read_public_jwk(GOOD | {"use": None, "x5u": None, "x5t": None}) == GOOD | {"kid": thumbprint(GOOD)}


def test_thumbprints_of_a_certificate_are_kept_and_held_against_it() -> None:
    made = certificate("p256")
    jwk = jwk_from_certificate(made)
    sha1 = base64.urlsafe_b64encode(bytes.fromhex(made.facts.sha1)).rstrip(b"=").decode()
    assert read_public_jwk(jwk | {"x5t": sha1}) == jwk | {"x5t": sha1}
    alone = {member: value for member, value in jwk.items() if member != "x5c"} | {"x5t": sha1}
    assert read_public_jwk(alone) == alone
    other = jwk_from_certificate(certificate("p256"))
    assert code_of(jwk | {"x5t#S256": other["x5t#S256"]}) == "bad-jwk"
    assert code_of(jwk | {"x5t": other["x5t#S256"]}) == "bad-jwk"


def off_curve() -> dict[str, Any]:
    """A point whose y belongs to another key."""
    return GOOD | {"y": jwk_of_key(new_key("p256").public_key())["y"]}


@pytest.mark.parametrize(
    ("code", "jwk"),
    [
        ("bad-jwk", {}),
        ("bad-jwk", []),
        ("bad-jwk", "text"),
        ("bad-jwk", {"kty": "EC", "crv": "P-256"}),
        ("bad-jwk", off_curve()),
        ("bad-jwk", GOOD | {"x": GOOD["x"] + "AA"}),
        ("bad-jwk", GOOD | {"x": GOOD["x"] + "="}),
        ("bad-jwk", GOOD | {"x": 7}),
        ("bad-jwk", RSA | {"e": "Ag"}),
        ("bad-jwk", RSA | {"e": "AA"}),
        ("bad-jwk", RSA | {"n": "AQAB"}),
        ("bad-jwk", RSA | {"n": 340 * "w" + "wA"}),
        ("bad-jwk", GOOD | {"use": "both"}),
        ("bad-jwk", GOOD | {"key_ops": "verify"}),
        ("bad-jwk", GOOD | {"key_ops": ["verify", "burn"]}),
        ("bad-jwk", GOOD | {"kid": 7}),
        ("bad-jwk", GOOD | {"kid": ""}),
        ("bad-jwk", GOOD | {"kid": "one\ntwo"}),
        ("bad-jwk", GOOD | {"x5t": "AAAA"}),
        ("bad-jwk", GOOD | {"x5t#S256": "AAAA"}),
        ("bad-jwk", GOOD | {"x5c": ["AAAA"]}),
        ("bad-jwk", GOOD | {"x5c": [base64.b64encode(CA.cert_der).decode()]}),
        ("algorithm-misfit", GOOD | {"alg": "RS256"}),
        ("algorithm-misfit", GOOD | {"alg": "ES256", "use": "enc"}),
        ("algorithm-misfit", GOOD | {"alg": "none"}),
        ("no-jwk", {"kty": "EC", "crv": "P-224", "x": "AA", "y": "AA"}),
        ("no-jwk", {"kty": "XYZ"}),
        ("no-jwk", GOOD | {"crv": ["P-256"]}),
        ("no-jwk", GOOD | {"kty": ["EC"]}),
        ("jwk-set", {"keys": [GOOD]}),
        ("symmetric-jwk", {"kty": "oct", "k": "AAAA"}),
    ],
)
def test_a_jwk_that_is_no_good_public_key_is_refused(code: str, jwk: Any) -> None:
    assert code_of(jwk) == code


# The y (of Edwards curves) or u of each point of small order; those from the prime on are other ways to write the
# first two. The last bit of all but X448 is the sign of x, or nobody's.
U8 = (1 + Y8) * pow(1 - Y8, -1, P25519) % P25519  # RFC 7748, section 4.1
SMALL = {
    "Ed25519": (0, 1, P25519 - 1, P25519, P25519 + 1, Y8, P25519 - Y8),
    "Ed448": (0, 1, P448 - 1, P448, P448 + 1),
    "X25519": (0, 1, P25519 - 1, P25519, P25519 + 1, U8, pow(U8, -1, P25519)),
    "X448": (0, 1, P448 - 1, P448, P448 + 1),
}
SIZES = {"Ed25519": 32, "Ed448": 57, "X25519": 32, "X448": 56}
OID_OF = {"X25519": "1.3.101.110", "X448": "1.3.101.111", "Ed25519": "1.3.101.112", "Ed448": "1.3.101.113"}


@pytest.mark.parametrize("curve", SMALL)
@pytest.mark.parametrize("sign", [0, 1])
def test_a_key_that_needs_no_private_one_is_no_jwk_and_a_finding(curve: str, sign: int) -> None:
    size = SIZES[curve]
    for number in SMALL[curve]:
        octets = (number | (sign if curve != "X448" else 0) << 8 * size - 1).to_bytes(size, "little")
        jwk = {"kty": "OKP", "crv": curve, "x": b64url(octets)}
        assert code_of(jwk) == "bad-jwk"
        assert ["small order" in one for one in findings(jwk)] == [True]
        holder = read_certificate(leaf(spki=plain_spki(OID_OF[curve], octets=octets)))
        assert "key-small-order" in {one.code for one in lasting(holder)}
        with pytest.raises(InputRefused) as refusal:
            jwk_from_certificate(holder)
        assert refusal.value.code == "bad-jwk"


@pytest.mark.parametrize("curve", SMALL)
def test_a_usual_key_of_such_a_curve_has_no_such_finding(curve: str) -> None:
    for _ in range(10):
        jwk = jwk_of_key(new_key(curve.lower()).public_key())
        assert (read_public_jwk(jwk)["x"], findings(jwk)) == (jwk["x"], [])
    algorithm = encode(SEQUENCE, encode_oid(OID_OF[curve]))
    for key in (encode(BIT_STRING, b"\0"), encode(BIT_STRING), encode(OCTET_STRING, bytes(SIZES[curve] + 1))):
        odd = read_certificate(leaf(spki=encode(SEQUENCE, algorithm, key)))
        assert "key-small-order" not in {one.code for one in lasting(odd)}


def test_signatures_with_such_a_key_are_right_without_a_private_one() -> None:
    """Why: S·B = R + h·A holds for any S with R = S·B, where A is zero."""
    seed = new_key("ed25519").private_bytes_raw()
    scalar = bytearray(hashlib.sha512(seed).digest()[:32])  # RFC 8032, section 5.1.5
    scalar[0], scalar[31] = scalar[0] & 248, scalar[31] & 127 | 64
    point = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    s = int.from_bytes(scalar, "little") % (2**252 + 27742317777372353535851937790883648493)
    zero = Ed25519PublicKey.from_public_bytes((1).to_bytes(32, "little"))
    zero.verify(point + s.to_bytes(32, "little"), b"whatever")


def test_a_jwk_of_a_key_bound_to_pss_offers_no_other_algorithm() -> None:
    """RFC 4055, section 1.2: such a key must not be used with PKCS#1 v1.5. The JWK's members alone do not tell."""
    name = "ca-pss-cert.pem"
    bound = read_file(corpus.data(name)).certificates[0]
    jwk = jwk_from_certificate(bound, alg="PS256")
    assert algorithms_for(jwk, "sig") == algorithms_for(bound, "sig") == ["PS256", "PS384", "PS512"]
    assert algorithms_for(jwk, "enc") == []
    with pytest.raises(InputRefused):
        read_public_jwk(jwk | {"alg": "RS256"})


def test_a_number_with_leading_zeros_is_written_in_its_one_form() -> None:
    """RFC 7518, section 2: the thumbprint must not depend on padding."""
    octets = b"\x00" + base64.urlsafe_b64decode(RSA["n"] + "==")
    padded = RSA | {"n": base64.urlsafe_b64encode(octets).rstrip(b"=").decode()}
    assert read_public_jwk(padded)["n"] == RSA["n"]
