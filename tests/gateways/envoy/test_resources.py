"""Resources made of a release: never without an anchor, the same bytes for the same content, one for each name."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import JwtAuthentication
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from hypothesis import given
from hypothesis import strategies as st

from tests.authority import Authority
from tests.pki.handmade import attribute, certificate
from tests.pki.handmade import name as name_of
from tests.xds.memory import make_material
from trustyard.gateways.envoy.options import EnvoyOptions
from trustyard.gateways.envoy.resources import EXTENSION, SECRET, Catalogue, Resource, anew
from trustyard.pki import der
from trustyard.pki.certificates import pem
from trustyard.pki.content import Material
from trustyard.pki.denyall import deny_all_der
from trustyard.pki.filenames import safe_filename
from trustyard.pki.jwks import jwk_of_key

ONE, TWO, ROOT = (Authority(name).der for name in ("one", "two", "root"))
LEAF = Authority("of the leaf").issue("leaf").der
UNREAD = certificate(subject=name_of(attribute("2.5.4.3", der.encode(0x0C, b"\xff"))))  # a name that is no text


def catalogue(material: Material | None, **options: Any) -> Catalogue:
    return Catalogue(material, EnvoyOptions.model_validate(options))


def made(material: Material | None, name: str) -> Resource:
    found = catalogue(material).resource(SECRET, name)
    assert found is not None
    return found


def anchors(resource: Resource) -> str:
    secret = Secret.FromString(resource.body)
    assert secret.name == resource.name
    return secret.validation_context.trusted_ca.inline_bytes.decode()


@pytest.mark.parametrize("material", [None, make_material({})], ids=["no release", "an empty release"])
@pytest.mark.parametrize("name", ["truststore", "used", "alias/acme"])
def test_a_set_with_nothing_in_it_is_the_deny_all_anchor(material: Material | None, name: str) -> None:
    """D-17."""
    assert anchors(made(material, name)) == pem(deny_all_der())


@given(st.sets(st.sampled_from([ONE, TWO, LEAF])), st.sets(st.sampled_from([ONE, ROOT])), st.text(max_size=20))
def test_no_validation_context_is_ever_without_an_anchor(entries: set[bytes], roots: set[bytes], alias: str) -> None:
    """The fail-open: whatever a release holds."""
    material = make_material({str(at): der for at, der in enumerate(entries)}, roots=roots)
    for name in ("truststore", "used", f"alias/{alias}"):
        assert anchors(made(material, name)).startswith("-----BEGIN CERTIFICATE-----\n")


def test_used_holds_the_entries_and_truststore_the_roots_too() -> None:
    material = make_material({"a": ONE, "b": TWO}, roots=[ROOT, ONE])
    used, truststore = anchors(made(material, "used")), anchors(made(material, "truststore"))
    assert sorted(used.split("\n\n")) == sorted("".join(pem(d) for d in _by_digest(ONE, TWO)).split("\n\n"))
    assert truststore == "".join(pem(d) for d in _by_digest(ONE, TWO, ROOT))


def _by_digest(*ders: bytes) -> list[bytes]:
    return sorted(ders, key=lambda der: hashlib.sha256(der).digest())


def test_a_doubled_certificate_stands_under_each_of_its_aliases() -> None:
    """D-19."""
    material = make_material({"a": ONE, "b": ONE})
    assert anchors(made(material, "used")) == pem(ONE)
    assert anchors(made(material, "alias/a")) == anchors(made(material, "alias/b")) == pem(ONE)


def test_an_alias_is_addressed_by_its_safe_name() -> None:
    material = make_material({"Şirket A.Ş.": ONE, "plain": TWO})
    assert anchors(made(material, f"alias/{safe_filename('Şirket A.Ş.')}")) == pem(ONE)
    assert anchors(made(material, "alias/Şirket A.Ş.")) == pem(deny_all_der())
    assert made(material, "alias/x").notes == ("alias/x is not in this release and trusts nobody.",)


def test_the_version_is_a_digest_of_what_is_trusted_and_of_nothing_else() -> None:
    first = made(make_material({"a": ONE, "b": TWO}, number=1), "used")
    again = made(make_material({"other": TWO, "names": ONE}, number=9), "used")
    assert first.version == again.version == hashlib.sha256(first.body).hexdigest()
    assert first.version != made(make_material({"a": ONE}), "used").version


def test_names_that_are_none_of_ours_have_no_resource() -> None:
    made = catalogue(make_material({"a": ONE}))
    for key in [(SECRET, "server"), (SECRET, "*"), (SECRET, ""), (EXTENSION, "used"), (SECRET, "jwks"), ("x", "used")]:
        assert made.resource(*key) is None


def test_a_certificate_that_is_no_ca_is_sent_and_named_a_pin() -> None:
    """D-18."""
    resource = made(make_material({"pinned": LEAF, "ca": ONE}), "used")
    assert pem(LEAF) in anchors(resource)
    assert [note for note in resource.notes if "pin" in note] == [
        "pinned is a pin: it is not a CA, and Envoy trusts exactly this certificate."
    ]
    assert made(make_material({"pinned": LEAF, "ca": ONE}), "alias/ca").notes == ()


def test_what_envoy_cannot_read_is_left_out_by_name_and_never_leaves_a_set_without_an_anchor() -> None:
    material = make_material({"acme": ONE, "odd": UNREAD})
    left_out = "odd is left out: Envoy or its clients cannot read it, and all others would be refused with it."
    for name in ("used", "truststore"):
        resource = made(material, name)
        assert anchors(resource) == pem(ONE)
        assert resource.notes == (left_out,)
    assert anchors(made(material, "alias/odd")) == pem(deny_all_der())
    assert made(material, "alias/odd").notes == (left_out,)
    assert made(material, "alias/acme").notes == ()


def test_a_receipt_names_the_first_few_and_counts_the_rest() -> None:
    issuer = Authority("of many")
    notes = made(make_material({f"pin {at:02}": issuer.issue(f"pin {at}").der for at in range(23)}), "used").notes
    assert len(notes) == 21
    assert notes[0].startswith("pin 00 is a pin")
    assert notes[-1] == "The same is true of 3 more."


def filter_of(material: Material | None, **options: Any) -> JwtAuthentication:
    found = catalogue(material, **options).resource(EXTENSION, "jwks")
    assert found is not None
    extension = TypedExtensionConfig.FromString(found.body)
    assert extension.name == "jwks"
    configuration = JwtAuthentication()
    assert extension.typed_config.Unpack(configuration)
    return configuration


def keys_of(configuration: JwtAuthentication, provider: str = "issuer-1") -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = json.loads(configuration.providers[provider].local_jwks.inline_string)["keys"]
    return keys


def ec_jwk(kid: str, **members: Any) -> dict[str, Any]:
    return {**jwk_of_key(ec.generate_private_key(ec.SECP256R1()).public_key()), "kid": kid, **members}


@pytest.mark.parametrize("material", [None, make_material({}), make_material({}, jwks=[ec_jwk("e", use="enc")])])
def test_without_a_usable_jwk_a_key_that_nobody_has_stands_in(material: Material | None) -> None:
    assert [key["kid"] for key in keys_of(filter_of(material))] == ["deny-all"]


def test_the_version_of_the_filter_does_not_hang_on_the_order_of_its_keys() -> None:
    keys = [ec_jwk("a"), ec_jwk("b", use="sig"), ec_jwk("b")]
    versions = {
        found.version
        for jwks in (keys, keys[::-1])
        if (found := catalogue(make_material({}, jwks=jwks)).resource(EXTENSION, "jwks"))
    }
    assert len(versions) == 1


def test_the_same_keys_sent_anew_are_other_bytes() -> None:
    found = catalogue(make_material({}, jwks=[ec_jwk("a")])).resource(EXTENSION, "jwks")
    assert found is not None
    bodies = {found.body, anew(found), anew(found)}
    assert len(bodies) == 3
    sent = [TypedExtensionConfig.FromString(body).typed_config.value for body in bodies]
    assert [[key["kid"] for key in keys_of(JwtAuthentication.FromString(one))] for one in sent] == [["a"]] * 3


def test_without_an_issuer_every_path_needs_a_token_of_whatever_issuer() -> None:
    configuration = filter_of(make_material({}, jwks=[ec_jwk("a")]))
    assert [(r.match.prefix, r.requires.provider_name) for r in configuration.rules] == [("/", "issuer-1")]
    assert configuration.providers["issuer-1"].issuer == ""


def test_only_what_the_verifier_reads_is_sent() -> None:
    jwk = ec_jwk("a", use="sig", alg="ES256", x5c=["MII"], d="secret")
    assert keys_of(filter_of(make_material({}, jwks=[jwk]))) == [
        {m: jwk[m] for m in ("kty", "crv", "x", "y", "kid", "alg")}
    ]


def test_each_issuer_has_a_provider_and_the_longest_prefix_stands_first() -> None:
    issuers = [
        {"issuer": "https://a.test"},
        {"issuer": "https://b.test", "prefix": "/shop", "audiences": ["till"]},
        {"issuer": "https://c.test", "prefix": "/shop"},
    ]
    configuration = filter_of(make_material({}, jwks=[ec_jwk("a")]), issuers=issuers)
    assert [rule.match.prefix for rule in configuration.rules] == ["/shop", "/"]
    either = configuration.rules[0].requires.requires_any.requirements
    assert [requirement.provider_name for requirement in either] == ["issuer-2", "issuer-3"]
    assert configuration.providers["issuer-2"].issuer == "https://b.test"
    assert list(configuration.providers["issuer-2"].audiences) == ["till"]


def test_a_key_left_out_is_named_with_the_reason() -> None:
    weak = {**jwk_of_key(rsa.generate_private_key(65537, 1024).public_key()), "kid": "weak"}
    material = make_material({}, jwks=[weak, ec_jwk("e", use="enc"), ec_jwk("w", key_ops=["wrapKey"])])
    found = catalogue(material).resource(EXTENSION, "jwks")
    assert found is not None
    assert found.notes == (
        "The JWK e is left out: it is for encryption.",
        "The JWK w is left out: its key_ops do not allow to verify.",
    )
    assert [key["kid"] for key in keys_of(filter_of(material))] == ["weak"]
