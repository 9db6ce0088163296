"""JWKs, environments, gateways, releases, truststore and audit over REST."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.pki.handmade import compressed
from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import gateways, receipts
from trustyard.actions.actors import LOCAL
from trustyard.gateways.receipts import Receipt
from trustyard.pki.jwkfields import b64url, b64url_int

from .conftest import Cast, file
from .rest import Answer, Rest, path

Add = Callable[..., Answer]
TEST = path("environments", "test")
NO_MOMENTS = ("", "yesterday", "1772546400", "2026-03-03", "2026-03-03T14:00:00", "20260303T140000Z")
NO_MOMENTS += ("2026-02-30T00:00:00Z",)
OF_ACME = {"kind": "certificate", "certificate": "acme", "environment": "test"}
MAGIC = {"pem": b"-----", "zip": b"PK", "pkcs7": b"\x30", "pkcs12": b"\x30", "jks": b"\xfe\xed"}


def test_a_jwk_of_a_certificate_holds_what_the_contract_names(add: Add, add_jwk: Add, operator: Rest) -> None:
    add("acme", key="rsa")
    made = add_jwk("sign", "acme", use="sig", alg="PS256", deploy=True)
    assert made.headers["Location"] == path("jwks", "sign")
    assert made.json["jwk"].keys() == {"kty", "n", "e", "use", "alg", "kid", "x5c", "x5t#S256"}
    assert made.json["connected_to"] == {"certificate": "acme", "environment": "test"}
    assert (made.json["state"], made.json["environments"]) == ("active", ["test"])
    assert made.json["deployment"]["environments"][0]["environment"] == "test"
    read = operator.get(path("jwks", "sign"))
    assert (read.json["kid"], read.etag) == (made.json["kid"], made.etag)


def test_the_algorithm_and_the_key_id_can_be_said_or_left_out(add: Add, add_jwk: Add, operator: Rest) -> None:
    """D-15."""
    add("acme")
    assert add_jwk("usual", "acme").json["alg"] == "ES256"
    none = add_jwk("none", "acme", alg=None, use="enc", kid="mine")
    assert (none.json["alg"], none.json["kid"], "alg" in none.json["jwk"]) == (None, "mine", False)
    back = operator.patch(path("jwks", "none"), {"kid": None})
    assert back.json["kid"] == operator.get(path("jwks", "usual")).json["kid"], "the thumbprint of the same key"
    again = operator.patch(path("jwks", "none"), {"description": "words"})
    assert (again.json["kid"], again.json["alg"]) == (back.json["kid"], None), "what is left out stays"


def test_use_and_algorithm_are_changed_to_what_the_key_allows(add: Add, add_jwk: Add, operator: Rest) -> None:
    add("acme", key="rsa")
    address = add_jwk("sign", "acme", use="sig", alg="RS256").headers["Location"]
    for said in ({"use": "enc", "alg": "RSA-OAEP-256"}, {"alg": None}, {"use": None}, {"use": "sig", "alg": "PS512"}):
        changed = operator.patch(address, said).json
        assert {name: changed[name] for name in said} == said
        assert {name: changed["jwk"].get(name) for name in said} == said
        assert None not in changed["jwk"].values()
    for bad, field in (
        ({"alg": "ES256"}, "alg"),
        ({"alg": ""}, "alg"),
        ({"use": "enc"}, "alg"),
        ({"use": "both"}, "use"),
        ({"kid": ""}, "kid"),
        ({"kid": "k" * 257}, "kid"),
        ({"kid": "two\nlines"}, "kid"),
    ):
        refused = operator.patch(address, bad)
        assert (refused.status, refused.fields) == (422, [field])
    assert operator.get(address).json == changed


def test_a_weak_key_yields_a_jwk_with_a_finding(add: Add, add_jwk: Add) -> None:
    add("weak", key="rsa1024")
    assert add_jwk("weak", "weak").json["findings"]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"kty": "OKP", "crv": "Ed25519", "x": b64url(bytes(32))}, "anybody can sign with it"),
        ({"kty": "OKP", "crv": "X25519", "x": b64url(bytes(32))}, "everybody knows the secret"),
        ({"kty": "RSA", "e": "AQAB", "n": b64url_int(1 << 2047)}, "anybody finds its private key"),
    ],
)
def test_a_jwk_that_was_stored_before_such_a_key_was_refused_says_so_and_can_be_disabled(
    members: dict[str, str], said: str, add: Add, add_jwk: Add, operator: Rest
) -> None:
    add("acme", key="rsa")
    address = add_jwk("old", "acme").headers["Location"]
    models.Jwk.objects.update(public=members)
    [listed] = operator.get(path("jwks")).json["items"]
    assert len(listed["findings"]) == 1
    assert said in listed["findings"][0]
    kept = operator.patch(address, {"description": "still here", "state": "active"})
    assert (kept.status, kept.json["state"]) == (200, "active"), "what is active stays as it is"
    disabled = operator.patch(address, {"state": "disabled"})
    assert (disabled.status, disabled.json["state"], disabled.json["findings"]) == (200, "disabled", listed["findings"])


@pytest.mark.parametrize(
    "members",
    [
        {"kty": "OKP", "crv": "Ed25519", "x": b64url(bytes(32))},
        {"kty": "RSA", "e": "AQAB", "n": b64url_int(1 << 2047)},
        {"kty": "RSA", "e": "AQ", "n": b64url_int((1 << 2047) + 1)},
    ],
)
def test_a_disabled_jwk_is_enabled_only_if_it_would_be_taken_today(
    members: dict[str, str], add: Add, add_jwk: Add, operator: Rest
) -> None:
    add("acme", key="rsa")
    address = add_jwk("old", "acme").headers["Location"]
    operator.patch(address, {"state": "disabled"})
    models.Jwk.objects.update(public=members)
    source = {"kind": "jwk", "jwk": members, "environments": ["test"]}
    new = operator.post(path("jwks"), {"name": "new", "source": source})
    refused = operator.patch(address, {"state": "active", "description": "again"})
    told = [(answer.status, answer.json["type"], answer.json["detail"]) for answer in (new, refused)]
    assert (told[0], refused.fields) == (told[1], ["state"])
    kept = operator.patch(address, {"description": "broken", "state": "disabled"})
    assert (kept.status, kept.json["state"], kept.json["description"]) == (200, "disabled", "broken")
    assert operator.delete(address).status == 200


@pytest.mark.parametrize(
    ("change", "status", "fields"),
    [
        ({"source": {**OF_ACME, "certificate": "nobody"}}, 422, ["source.certificate"]),
        ({"source": {**OF_ACME, "environment": "moon"}}, 422, ["source.environment"]),
        ({"source": {"kind": "jwk", "jwk": {}, "environments": ["test"]}}, 422, ["source.jwk"]),
        ({"source": {"kind": "jwk", "jwk": {}, "environments": []}}, 422, ["source.environments"]),
        ({"source": {"kind": "jwk", "jwk": {}}}, 422, ["source.environments"]),
        ({"use": "both"}, 422, ["use"]),
        ({"name": ""}, 422, ["name"]),
        ({"name": "TAKEN"}, 409, ["name"]),
    ],
)  # fmt: skip
def test_a_bad_jwk_is_refused_by_its_field(
    change: dict[str, Any], status: int, fields: list[str], add: Add, add_jwk: Add, operator: Rest
) -> None:
    add("acme")
    add_jwk("taken", "acme")
    refused = operator.post(path("jwks"), {"name": "x", "source": OF_ACME, "use": "enc", **change})
    assert (refused.status, refused.fields) == (status, fields)


def test_private_members_are_refused_by_name_and_not_echoed(operator: Rest) -> None:
    """I-09, D-07."""
    jwk = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "SECRET-SECRET"}
    source = {"kind": "jwk", "jwk": jwk, "environments": ["test"]}
    refused = operator.post(path("jwks"), {"name": "x", "source": source})
    assert refused.status == 422
    assert b"SECRET" not in refused.content
    assert "d" in refused.json["detail"]


def test_members_of_a_given_jwk_that_are_not_published_are_named(add: Add, operator: Rest) -> None:
    add("acme")
    jwk = operator.post(path("jwks"), {"name": "made", "source": OF_ACME}).json["jwk"]
    source = {"kind": "jwk", "jwk": {**jwk, "ext": True, "x5u": "SECRET-SECRET"}, "environments": ["production"]}
    made = operator.post(path("jwks"), {"name": "given", "source": source, "alg": None})
    assert (made.status, made.json["jwk"]) == (201, jwk)
    (notice,) = made.json["notices"]
    assert notice["message"].endswith("were left out: ext, x5u.")
    assert b"SECRET" not in made.content


def test_who_makes_a_jwk_is_told_that_its_key_is_published_already_under_another_key_id(
    add: Add, add_jwk: Add, operator: Rest
) -> None:
    add("acme", key="rsa")
    first = add_jwk("first", "acme", kid="one").json
    public = {name: first["jwk"][name] for name in ("kty", "n", "e")}
    given = {"kind": "jwk", "jwk": public, "environments": ["test"]}
    again = operator.post(path("jwks"), {"name": "again", "source": given, "kid": "two"})
    assert [notice["message"] for notice in (*first["notices"], *again.json["notices"])] == [
        "This key is published in an environment of this JWK already, under another key ID: first (one)."
    ]
    assert add_jwk("encrypt", "acme", use="enc", kid="two").status == 201, "one key ID, and another use"
    elsewhere = {**given, "environments": ["production"]}
    assert operator.post(path("jwks"), {"name": "elsewhere", "source": elsewhere}).json["notices"] == []


def test_two_jwks_of_one_key_id_need_another_use(add: Add, add_jwk: Add, operator: Rest) -> None:
    """D-23."""
    add("acme", key="rsa")
    add_jwk("sign", "acme", use="sig")
    assert add_jwk("encrypt", "acme", use="enc").status == 201
    source = {"kind": "certificate", "certificate": "acme", "environment": "test"}
    refused = operator.post(path("jwks"), {"name": "third", "source": source, "use": "sig"})
    assert (refused.status, refused.code) == (409, "kid-taken")
    add("bank")
    other = add_jwk("bank", "bank").headers["Location"]
    refused = operator.patch(other, {"kid": operator.get(path("jwks", "sign")).json["kid"]})
    assert (refused.status, refused.code, refused.fields) == (409, "kid-taken", ["kid"])


def test_a_deleted_jwk_is_withdrawn_at_once(add: Add, add_jwk: Add, operator: Rest) -> None:
    """D-26."""
    add("acme")
    add_jwk("sign", "acme", deploy=True)
    gone = operator.delete(path("jwks", "sign"), wait=0)
    assert gone.json["deployment"]["environments"][0]["release"] == 3
    add_jwk("later", "acme")
    assert operator.delete(path("jwks", "later"), deploy=False).json == {}


def test_a_description_holds_what_every_database_can_keep_and_no_more(add: Add, add_jwk: Add, operator: Rest) -> None:
    add("acme")
    address = add_jwk("sign", "acme").headers["Location"]
    for text, status in (("d" * 4000, 200), ("d" * 4001, 422), ("a\x00b", 422)):
        said = operator.patch(address, {"description": text})
        assert (said.status, said.fields) == (status, ["description"] if status == 422 else [])


def test_an_operator_of_another_environment_leaves_a_jwk_as_it_is(
    add: Add, add_jwk: Add, operator: Rest, cast: Cast
) -> None:
    """D-24, whether something is deployed or not."""
    add("acme", "production")
    source = {"kind": "certificate", "certificate": "acme", "environment": "production"}
    made = add_jwk("sign", "acme", "production")
    address, mine = made.headers["Location"], cast.test_operator
    public = {name: made.json["jwk"][name] for name in ("kty", "crv", "x", "y")}
    both = {"kind": "jwk", "jwk": public, "environments": ["test", "production"]}
    for answer in (
        mine.post(path("jwks"), {"name": "mine", "source": source}),
        mine.post(path("jwks"), {"name": "mine", "source": both}),
        mine.patch(address, {"description": "mine"}),
        mine.patch(address, {"state": "disabled"}),
        mine.delete(address, deploy=False),
        mine.delete(address),
    ):
        assert (answer.status, answer.code) == (403, "not-allowed")
        assert "production" in answer.json["detail"]
    assert operator.get(address).json == {name: value for name, value in made.json.items() if name != "notices"}


def test_the_jwks_are_filtered(add: Add, add_jwk: Add, operator: Rest) -> None:
    add("acme")
    add_jwk("the one", "acme")
    add_jwk("two", "acme", use="enc", kid="Signs-2026")
    operator.patch(path("jwks", "two"), {"state": "disabled", "description": "Ğüvenlik (§ 1)\nΣύνδεση"})

    def names(**query: Any) -> list[str]:
        return [item["name"] for item in operator.get(path("jwks"), **query).json["items"]]

    assert names(q="e on") == ["the one"]  # with a space, which no key ID has
    assert names(q="SIGNS-2026") == ["two"], "case does not count, on either database"
    assert names(q="ĞÜVENLİK") == names(q="ğüvenlik (§ 1") == names(q="ΣΎΝΔΕΣΗ") == ["two"], "nor beyond ASCII"
    assert names(q="güvenlik") == names(q="(§ .*") == []
    assert names(state="disabled") == ["two"]
    assert names(environment="production") == []
    assert (names(connected=True), names(connected=False)) == (["the one", "two"], [])
    assert operator.get(path("jwks"), state="green").status == 422
    assert operator.get(path("jwks"), environment="moon").status == 422


def test_an_environment_is_made_changed_and_deleted(cast: Cast, ca: Ca) -> None:
    """D-16."""
    admin, address = cast.admin, path("environments", "Übung/1")
    made = admin.post(path("environments"), {"name": "Übung/1"})
    assert (made.status, made.headers["Location"]) == (201, address)
    assert (made.json["root_set"], made.json["type"]) == ("none", "test")
    changed = admin.patch(address, {"root_set": {"pem": ca.cert_pem.decode()}, "deny_list": ["AA:" * 31 + "AA"]})
    assert (changed.json["root_set"], changed.json["roots"]) == ("uploaded", 1)
    assert changed.json["deny_list"] == ["aa" * 32]
    read = admin.get(address)
    again = admin.patch(address, {name: read.json[name] for name in ("type", "description", "root_set", "deny_list")})
    assert (again.status, again.headers["ETag"]) == (200, read.headers["ETag"]), "what was read, sent back: no change"
    assert admin.patch(address, {"root_set": "mozilla"}).json["roots"] > 50
    assert admin.post(path("environments"), {"name": "übung/1"}).status == 409
    assert admin.delete(address).status == 204
    assert admin.get(address).status == 404
    for body, field in (
        ({"name": "x", "type": "moon"}, "type"),
        ({"name": "x", "root_set": "apple"}, "root_set"),
        ({"name": "x", "root_set": {"pem": 5}}, "root_set"),
        ({"name": "x", "deny_list": ["zz"]}, "deny_list"),
        ({"name": "..", "type": "test"}, "name"),
    ):
        refused = admin.post(path("environments"), body)
        assert (refused.status, {f.partition(".")[0] for f in refused.fields}) == (422, {field})


@pytest.mark.parametrize(
    ("noun", "body", "code", "fields"),
    [
        ("environments", {"name": "..", "description": "x" * 4001, "root_set": {"pem": "none"}, "deny_list": ["zz"]},
         "bad-name", ["name", "description", "root_set", "deny_list"]),
        ("environments", {"name": "TEST", "deny_list": ["zz"]}, "bad-environment", ["name", "deny_list"]),
        ("gateways", {"name": " ", "kind": "agent", "options": {"probes": 5}}, "bad-options",
         ["options.probes", "name"]),
        ("gateways", {"name": "", "kind": "moon"}, "unknown-kind", ["kind", "name"]),
        ("jwks", {"name": "", "kid": "a\nb", "source": {"kind": "jwk", "jwk": {}, "environments": ["moon", "sun"]}},
         "bad-name", ["name", "kid", "source.environments", "source.environments", "source.jwk"]),
    ],
)  # fmt: skip
def test_a_problem_names_all_fields_at_fault(
    cast: Cast, noun: str, body: dict[str, Any], code: str, fields: list[str]
) -> None:
    """A name that is taken is among them; a conflict it is where nothing else is wrong."""
    address = path("environments", "test", "gateways") if noun == "gateways" else path(noun)
    refused = cast.admin.post(address, body)
    assert (refused.status, refused.code, refused.fields) == (422, code, fields)
    assert all(error["message"] in refused.json["detail"] for error in refused.json["errors"]) or code == "bad-options"


def test_environments_are_searched_and_keep_the_order_in_which_they_were_made(cast: Cast) -> None:
    """Cursors of a list that a program reads go on in it."""
    for name, description in (("zürich", ""), ("İzmir", "in the west"), ("ankara", "not in the WEST")):
        cast.admin.post(path("environments"), {"name": name, "description": description})

    def names(**query: Any) -> list[str]:
        return [item["name"] for item in cast.viewer.get(path("environments"), **query).json["items"]]

    assert names()[-3:] == ["zürich", "İzmir", "ankara"]
    assert names(q="west") == ["İzmir", "ankara"]
    assert names(q="ZÜRICH") == ["zürich"]
    assert names(q="izmir") == ["İzmir"]
    first = cast.viewer.get(path("environments"), q="west", limit=1).json
    assert (first["total"], names(q="west", cursor=first["next"])) == (2, ["ankara"])
    assert cast.viewer.get(path("environments"), q="w" * 1001).status == 422


def test_an_environment_in_use_says_by_what(add: Add, add_jwk: Add, cast: Cast) -> None:
    add("acme")
    add_jwk("sign", "acme")
    cast.admin.post(f"{TEST}/gateways", {"name": "edge", "kind": "envoy"})
    refused = cast.admin.delete(TEST)
    assert (refused.status, refused.code) == (409, "environment-in-use")
    assert refused.json["used_by"] == ["the certificate acme", "the gateway edge", "the JWK sign"]
    assert "the certificate acme, the gateway edge, the JWK sign" in refused.json["detail"]


def test_gateways_are_found_by_name_and_by_what_their_nodes_last_said(cast: Cast) -> None:
    rest, address = cast.operator, f"{TEST}/gateways"
    for name in ("edge-1", "edge-2", "inner"):
        assert rest.post(address, {"name": name, "kind": "envoy"}).status == 201
    assert rest.post(f"{TEST}/releases").status == 201
    for row, state in zip(models.Gateway.objects.order_by("name_key"), ("accepted", "refused"), strict=False):
        receipts.record_all([(row.pk, 1, Receipt("n1", state))])

    def found(**filters: str) -> list[str]:
        return [one["name"] for one in rest.get(address, **filters).json["items"]]

    assert found(q="EDGE") == ["edge-1", "edge-2"]
    assert found(state="needs attention") == ["edge-2", "inner"]
    assert found(q="edge", state="accepted") == ["edge-1"]
    assert rest.get(address, state="asleep").fields == ["state"]


def test_a_gateway_shows_the_state_that_it_is_found_by(cast: Cast) -> None:
    """The worst that its nodes last said of the newest release; before the first one none, and it is found by none."""
    rest, address = cast.operator, f"{TEST}/gateways"

    def states(**filters: str) -> dict[str, str | None]:
        found = {one["name"]: one["state"] for one in rest.get(address, **filters).json["items"]}
        assert found == {name: rest.get(f"{address}/{name}").json["state"] for name in found}
        return found

    made = [rest.post(address, {"name": name, "kind": "envoy"}) for name in ("edge", "inner", "silent")]
    assert [one.json["state"] for one in made] == [None] * 3
    assert states() == {"edge": None, "inner": None, "silent": None}
    assert [states(state=one) for one in ("pending", "needs attention")] == [{}, {}]
    rest.post(f"{TEST}/releases")
    edge, inner, _ = models.Gateway.objects.order_by("name_key")
    said = [Receipt("n1", "accepted"), Receipt("n2", "refused", "no such anchor"), Receipt("n3", "observed")]
    receipts.record_all([*((edge.pk, 1, one) for one in said), (inner.pk, 1, Receipt("n1", "accepted"))])
    assert states() == {"edge": "refused", "inner": "accepted", "silent": "pending"}
    assert states(state="needs attention") == {"edge": "refused", "silent": "pending"}
    assert rest.post(address, {"name": "late", "kind": "envoy"}).json["state"] == "pending"
    issuers = {"issuers": [{"issuer": "https://idp.example"}]}  # what was said before was said about other options
    assert rest.patch(f"{address}/inner", {"options": issuers}).json["state"] == "pending"


def test_a_gateway_is_added_changed_and_removed(cast: Cast) -> None:
    rest, address = cast.operator, f"{TEST}/gateways/edge"
    made = rest.post(f"{TEST}/gateways", {"name": "edge", "kind": "envoy", "options": {}})
    assert (made.status, made.headers["Location"]) == (201, address)
    issuer = {"issuer": "https://idp.example", "audiences": ["api"], "prefix": "/"}
    assert rest.patch(address, {"options": {"issuers": [issuer]}}).json["options"]["issuers"][0]["audiences"] == ["api"]
    [event] = rest.get(path("audit"), action="gateway.update").json["items"]
    assert [len(event[when]["options"]["issuers"]) for when in ("before", "after")] == [0, 1]
    assert [item["name"] for item in rest.get(f"{TEST}/gateways").json["items"]] == ["edge"]
    assert rest.post(f"{TEST}/gateways", {"name": "EDGE", "kind": "envoy"}).status == 409
    assert rest.post(f"{TEST}/gateways", {"name": "x", "kind": "toaster"}).fields == ["kind"]
    assert rest.patch(address, {"options": {"colour": "red"}}).fields == ["options.colour"]
    assert rest.get(path("environments", "moon", "gateways")).status == 404
    assert rest.delete(address).status == 204
    assert rest.get(address).status == 404


def test_a_bootstrap_is_yaml_with_a_token_that_can_be_rotated(cast: Cast) -> None:
    rest, address = cast.operator, f"{TEST}/gateways/edge"
    rest.post(f"{TEST}/gateways", {"name": "edge", "kind": "envoy"})
    first = rest.get(f"{address}/bootstrap")
    assert first.headers["Content-Type"] == "application/yaml"
    assert yaml.safe_load(first.content)["node"]["cluster"] == "test/edge"
    assert rest.get(f"{address}/bootstrap").content == first.content
    rest.patch(address, {"rotate_token": True})
    assert rest.get(f"{address}/bootstrap").content != first.content
    assert b"xds." not in rest.get(address).content, "the token stands in the bootstrap alone"
    looks = rest.get(path("audit"), action="gateway.bootstrap")
    assert looks.json["total"] == 3
    rest.post(f"{TEST}/gateways", {"name": "files", "kind": "files"})
    assert rest.get(f"{TEST}/gateways/files/bootstrap").code == "no-bootstrap"
    assert rest.get(f"{address}/bootstrap", listen="127.0.0.1:1").fields == ["cert", "key"], "all that is missing"
    assert rest.get(f"{address}/bootstrap", listen="nowhere").fields == ["listen"]


def test_a_bootstrap_writes_an_ipv6_address_in_brackets(cast: Cast, settings: Any) -> None:
    settings.TRUSTYARD = replace(settings.TRUSTYARD, listen=("::1", 8400), xds_listen=("::1", 8401))
    for kind in ("envoy", "agent"):
        cast.operator.post(f"{TEST}/gateways", {"name": kind, "kind": kind})
    envoy = yaml.safe_load(cast.operator.get(f"{TEST}/gateways/envoy/bootstrap").content)
    [cluster] = envoy["static_resources"]["clusters"]
    [locality] = cluster["load_assignment"]["endpoints"]
    [endpoint] = locality["lb_endpoints"]
    assert endpoint["endpoint"]["address"]["socket_address"] == {"address": "::1", "port_value": 8401}
    assert b'address = "http://[::1]:8400"' in cast.operator.get(f"{TEST}/gateways/agent/bootstrap").content


def test_a_token_that_a_kind_does_not_have_is_not_rotated_and_nothing_of_the_request_is_done(cast: Cast) -> None:
    rest, address = cast.operator, f"{TEST}/gateways/edge"
    made = rest.post(f"{TEST}/gateways", {"name": "edge", "kind": "files"})
    probes = {"probes": [{"address": "127.0.0.1:8443"}]}
    refused = rest.patch(address, {"rotate_token": True, "options": probes})
    assert (refused.status, refused.code, refused.fields) == (422, "no-token", ["rotate_token"])
    assert refused.json["detail"] == "The gateway edge is of kind files, which has no token; envoy and agent have."
    stored = rest.get(address)
    assert (stored.headers["ETag"], stored.json) == (made.headers["ETag"], made.json)
    assert rest.get(path("audit"), action="gateway.rotate_token").json["total"] == 0


def test_a_token_and_options_change_together(cast: Cast) -> None:
    rest, address = cast.operator, f"{TEST}/gateways/edge"
    rest.post(f"{TEST}/gateways", {"name": "edge", "kind": "agent"})
    before = rest.get(f"{address}/bootstrap").content
    changed = rest.patch(address, {"rotate_token": True, "options": {"allow_older": True}})
    assert (changed.status, changed.json["options"]["allow_older"]) == (200, True)
    assert rest.get(f"{address}/bootstrap").content != before


def test_a_deploy_makes_a_release_or_names_the_newest(add: Add, operator: Rest) -> None:
    add("acme", deploy=False)
    made = operator.post(f"{TEST}/releases", {"note": "first"}, wait=2)
    assert (made.status, made.json["number"], made.json["note"]) == (201, 1, "first")
    assert made.headers["Location"] == f"{TEST}/releases/1"
    assert made.json["deployment"]["environments"][0]["release"] == 1
    assert made.headers["X-Trustyard-Await"].endswith(";2")
    same = operator.post(f"{TEST}/releases", wait=0)
    assert (same.status, same.json["number"]) == (200, 1)
    assert "deployment" in same.json
    read = operator.get(f"{TEST}/releases/1")
    assert (read.json["digest"], read.etag) == (made.json["digest"], made.etag)
    assert operator.get(f"{TEST}/releases").json["total"] == 1
    assert operator.get(f"{TEST}/releases/2").status == 404
    assert operator.post(path("environments", "moon", "releases")).status == 404


def test_the_truststore_lists_entries_and_roots(add: Add, cast: Cast, ca: Ca) -> None:
    """S-40, D-16, D-21."""
    cast.admin.patch(TEST, {"root_set": {"pem": ca.cert_pem.decode()}})
    add("acme")
    add("waits", deploy=False)
    rows = cast.viewer.get(f"{TEST}/truststore").json["items"]
    assert [(row["alias"], row["origin"], row["pending"]) for row in rows] == [
        ("acme", "certificate", None),
        ("waits", "certificate", "added"),
        (f"root-{ca.sha256[:16]}", "root", None),
    ]
    assert all(row["sha256"] and row["certificate_name"] for row in rows)

    def aliases(**query: Any) -> list[str]:
        return [row["alias"] for row in cast.viewer.get(f"{TEST}/truststore", **query).json["items"]]

    assert len(aliases(origin="root")) == 1
    assert aliases(q="WAITS") == ["waits"]
    assert aliases(q=rows[0]["sha256"][:20].upper()) == ["acme"]
    for of in rows:
        for hash_ in (of["sha256"], of["sha1"]):
            assert aliases(q=":".join(re.findall("..", hash_))) == aliases(q=hash_.upper()) == [of["alias"]]
        serial = of["serial_hex"].zfill(2 + len(of["serial_hex"]) // 2 * 2)
        assert aliases(q=f"00:{':'.join(re.findall('..', serial))}") == [of["alias"]], "as OpenSSL writes it"
    assert aliases(status="expired") == []
    for bad in ({"origin": "moon"}, {"status": "green"}, {"limit": 501}):
        assert cast.viewer.get(f"{TEST}/truststore", **bad).status == 422


def test_the_truststore_says_what_gateways_made_of_the_release_in_force(add: Add, cast: Cast) -> None:
    """D-06, D-21."""
    assert cast.viewer.get(f"{TEST}/truststore").json["release"] is None
    add("acme")
    gateway = gateways.create(LOCAL, "test", name="edge", kind="envoy", options={})
    receipts.record_all([(gateway.pk, 1, Receipt("n1", "refused", "no such anchor", 3))])
    release = cast.viewer.get(f"{TEST}/truststore").json["release"]
    assert (release["number"], release["state"]) == (1, "refused")
    assert release["gateways"] == cast.viewer.get(f"{TEST}/releases/1").json["gateways"]
    assert release["gateways"][0]["detail"] == "no such anchor"


def test_the_truststore_comes_as_a_file(add: Add, cast: Cast, ca: Ca) -> None:
    address = f"{TEST}/truststore/export"
    none = cast.viewer.get(address)
    assert (none.code, none.json["detail"]) == (
        "nothing-to-export",
        "test has no release yet, so there is nothing to export. Deploy it first.",
    )
    cast.admin.patch(TEST, {"root_set": {"pem": ca.cert_pem.decode()}})
    add("acme")
    for kind, magic in MAGIC.items():
        data = cast.viewer.get(address, format=kind)
        assert data.content.startswith(magic), kind
        assert "attachment" in data.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(cast.viewer.get(address, format="zip").content)) as folder:
        *held, sums = folder.namelist()
        digests = [hashlib.sha256(folder.read(name)).hexdigest() for name in held]
        assert folder.read(sums).decode().split() == [word for pair in zip(digests, held, strict=True) for word in pair]
    both, used, roots = (
        cast.viewer.get(address, include=one).content.count(b"BEGIN") for one in ("all", "used", "roots")
    )
    assert (both, used, roots) == (2, 1, 1)
    bundle = cast.viewer.get(address, include="roots").content.decode()
    assert bundle.strip().endswith(ca.cert_pem.decode().strip())
    assert cast.viewer.get(address, format="docx").status == 422
    assert cast.viewer.get(address, format="jks", password="x").status == 422
    beyond = cast.viewer.get(address, format="pkcs12", password="pässword")
    assert (beyond.status, beyond.code, beyond.fields) == (422, "bad-password", ["password"])
    assert "Choose another password, or the format jks" in beyond.json["detail"]
    assert cast.viewer.get(address, format="jks", password="pässword").status == 200
    names = cast.operator.post(path("certificates", "inspect"), file(cast.viewer.get(address, format="jks").content))
    assert names.status in (200, 422), "a JKS is read with its password"


def test_a_file_for_java_leaves_out_what_java_cannot_read(add: Add, cast: Cast) -> None:
    """D-19: with such a certificate in it Java refuses a truststore whole."""
    entry = {"environment": "test", "alias": "odd", "source": file(compressed())}
    cast.operator.post(path("certificates"), {"name": "odd", "entries": [entry], "deploy": True}, wait=0)
    for kind in ("pkcs12", "jks"):
        alone = cast.viewer.get(f"{TEST}/truststore/export", format=kind)
        assert (alone.status, alone.code) == (422, "not-for-java"), kind
    add("acme")
    for kind, held in (("pkcs12", 1), ("jks", 1), ("pem", 2)):
        data = cast.viewer.get(f"{TEST}/truststore/export", format=kind).content
        seen = cast.operator.post(path("certificates", "inspect"), {**file(data), "password": "changeit"}).json
        assert len(seen["certificates"]) == held, kind


def test_the_audit_says_who_did_what_newest_first(add: Add, cast: Cast) -> None:
    add("acme")
    events = cast.viewer.get(path("audit")).json["items"]
    assert events[0]["action"] == "release.deploy"
    assert events[1]["action"] == "certificate.create"
    assert events[1]["actor"] == "token:operator-"
    assert events[0]["prev_hash"] == events[1]["hash"]

    def count(**query: Any) -> int:
        total: int = cast.viewer.get(path("audit"), **query).json["total"]
        return total

    assert count(object="acme") == 1
    assert count(action="certificate.create", actor="token:operator-") == 1
    assert count(actor="nobody") == 0
    assert count(since="2000-01-01T00:00:00Z") == count()
    assert count(until="2000-01-01T00:00:00+01:00") == 0
    assert count(until="2000-01-01T00:00:00.000000+0000") == 0, "as clients of OpenAPI Generator write it"
    assert count(since="2000-01-01T00:00:00.000000+0000") == count()
    for moment in (*NO_MOMENTS, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        for name in ("since", "until"):
            refused = cast.viewer.get(path("audit"), **{name: moment})
            assert (refused.status, refused.code, refused.fields) == (422, "bad-moment", [name]), moment
        refused = cast.viewer.get(path("environments", "test", "releases"), at=moment)
        assert (refused.status, refused.code, refused.fields) == (422, "bad-moment", ["at"]), moment


def test_a_taken_name_is_said_as_it_is_spelt_there(add: Add, add_jwk: Add, cast: Cast) -> None:
    """D-10: names are compared without case."""
    add("Acme")
    add_jwk("Signing", "Acme")
    source = {"kind": "certificate", "certificate": "acme", "environment": "TEST"}
    gateways = path("environments", "test", "gateways")
    cast.admin.post(gateways, {"name": "Edge", "kind": "envoy"})
    for address, body, stored in (
        (path("environments"), {"name": "TEST"}, "an environment named test"),
        (path("jwks"), {"name": "SIGNING", "source": source}, "a JWK named Signing"),
        (gateways, {"name": "EDGE", "kind": "envoy"}, "a gateway named Edge"),
    ):
        answer = cast.admin.post(address, body)
        assert (answer.status, answer.code) == (409, "name-taken")
        assert answer.json["detail"] == f"There is already {stored}; case does not count."


def test_an_event_is_found_by_the_moment_that_is_shown_of_it(add: Add, cast: Cast) -> None:
    """Both ends are included; events are kept in finer moments than they are shown."""
    add("acme")
    models.AuditEvent.objects.filter(action="certificate.create").update(at="2026-03-03T14:00:00.900Z")
    [event] = cast.viewer.get(path("audit"), action="certificate.create").json["items"]

    def found(since: str, until: str) -> int:
        rows = cast.viewer.get(path("audit"), action="certificate.create", since=since, until=until)
        return int(rows.json["total"])

    assert found(event["at"], event["at"]) == 1
    assert found(event["at"], "2026-03-03T14:00:00.000Z") == 0
    assert found("2026-03-03T14:00:01Z", "2026-03-03T14:00:01Z") == 0


def test_pages_hold_together_while_rows_come_and_go(add: Add, operator: Rest) -> None:
    for name in ("a", "b", "c", "d", "e"):
        add(name, deploy=False)
    for sort in ("name", "-name", "valid_until", "-changed"):
        seen: list[str] = []
        cursor = None
        while True:
            page = operator.get(path("certificates"), limit=2, sort=sort, cursor=cursor).json
            assert page["total"] == 5
            seen += [item["name"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert sorted(seen) == ["a", "b", "c", "d", "e"], sort
    first = operator.get(path("certificates"), limit=2).json
    operator.delete(path("certificates", "b"), wait=0)
    assert [i["name"] for i in operator.get(path("certificates"), limit=2, cursor=first["next"]).json["items"]] == [
        "c",
        "d",
    ]
    rows = operator.get(f"{TEST}/truststore", limit=2).json
    rest = operator.get(f"{TEST}/truststore", limit=2, cursor=rows["next"]).json
    assert [row["alias"] for row in (*rows["items"], *rest["items"])] == ["a", "c", "d", "e"]
    assert (rest["next"], rest["total"]) == (None, 4)


def test_a_page_goes_on_behind_any_name(add: Add, operator: Rest) -> None:
    names = sorted("a" * count + mark * 3 for count in range(3) for mark in "?~>")
    for name in names:
        add(name, deploy=False)
    seen, cursor, cursors = [], None, ""
    for _ in names:
        page = operator.get(path("certificates"), limit=1, cursor=cursor).json
        seen += [item["name"] for item in page["items"]]
        cursors += (cursor := page["next"]) or ""
    assert (seen, cursor) == (names, None)
    assert {"-", "_"} <= set(cursors), "they are written as addresses take them"


def test_a_cursor_of_another_list_is_refused(add: Add, add_jwk: Add, operator: Rest) -> None:
    for name in ("a", "b"):
        add(name)
        add_jwk(name, name)
    cursor = operator.get(path("certificates"), limit=1).json["next"]
    assert len(cursor) < 50, "it goes into addresses"
    events = operator.get(path("audit"), limit=1).json["next"]
    mark, _ = json.loads(base64.urlsafe_b64decode(events + "=" * (-len(events) % 4)))
    forged = [
        base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        for text in (f'["{mark}",["x"]]', f'["{mark}",[null]]', f'["{mark}",[1e99]]', f'["{mark}",[{10**20}]]',
                     f'["{mark}",[{{}}]]', f'["{mark}",[]]', f'["{mark}",7]', '[["-pk"],[1]]', "[]", "null", "[[],[]]")
    ]  # fmt: skip
    deep = base64.urlsafe_b64encode(b"[" * 2900).decode()
    for bad in (cursor, "x", "%", "…", deep, *forged):
        assert operator.get(path("audit"), cursor=bad).fields == ["cursor"], bad
    other = operator.get(path("jwks"), cursor=cursor)
    assert (other.status, other.code) == (422, "bad-cursor"), "although both are in the order of their names"
    assert other.json["detail"] == "This cursor is not of this list in this order. Begin without one."
    rows = operator.get(f"{TEST}/truststore", limit=1).json["next"]
    assert operator.get(f"{TEST}/truststore", cursor=rows).status == 200
    assert operator.get(path("environments", "production", "truststore"), cursor=rows).code == "bad-cursor"
    assert operator.get(path("certificates"), cursor=cursor, q="b").json["items"][0]["name"] == "b", (
        "a filter may change"
    )
    assert operator.get(path("certificates"), cursor=cursor, sort="-name").code == "bad-cursor"
    moment = operator.get(path("certificates"), limit=1, sort="changed").json["next"]
    text = base64.urlsafe_b64decode(moment + "=" * (-len(moment) % 4)).replace(b"+00:00", b"")
    somewhere = base64.urlsafe_b64encode(text).decode().rstrip("=")
    assert operator.get(path("certificates"), cursor=somewhere, sort="changed").code == "bad-cursor"


def test_an_empty_root_set_is_no_root_set(cast: Cast) -> None:
    made = cast.admin.post(path("environments"), {"name": "bare", "root_set": {"pem": ""}})
    assert (made.status, made.code) == (422, "empty-input")
    assert cast.admin.patch(TEST, {"root_set": {"pem": ""}}).code == "empty-input"
    assert cast.admin.get(path("environments", "bare")).status == 404


def test_a_key_id_has_the_same_bounds_given_beside_the_jwk_or_in_it(operator: Rest, ca: Ca) -> None:
    numbers = ca.issue("x", key="rsa").key.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": b64url_int(numbers.n), "e": b64url_int(numbers.e)}

    def give(kid: str, *, inside: bool) -> Answer:
        source = {"kind": "jwk", "jwk": jwk | ({"kid": kid} if inside else {}), "environments": ["test"]}
        name = f"{inside}-{len(kid)}"
        body = {"name": name, "source": source, "use": "sig" if inside else "enc"}
        return operator.post(path("jwks"), body if inside else {**body, "kid": kid})

    for inside in (True, False):
        assert give("k" * 256, inside=inside).status == 201
        for bad in ("k" * 257, "one\ntwo", "turned\u202eround"):
            refused = give(bad, inside=inside)
            assert (refused.status, refused.code) == (422, "bad-jwk"), bad
            assert refused.fields == ["source.jwk" if inside else "kid"]
