"""Trust checks over REST: real servers, anchors saved and in force, and what to add."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from tests.pki.paths import HOST, MOMENT, NONE, make
from tests.tls_servers import Ca, Issued, TlsServer, build, new_key, self_signed
from trustyard.actions import environments
from trustyard.pki.filenames import safe_filename

from .conftest import ADA, Cast, file
from .rest import Answer, Rest, path

CHECK = path("environments", "test", "trust-check")
ROOT = Ca.new("Check Root")
SUB = ROOT.subordinate("Check Sub")
LEAF = SUB.issue("partner.test", dns=["partner.test", "localhost"], ip=["127.0.0.1"])


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.TRUSTYARD = replace(settings.TRUSTYARD, fetch_allow=(ip_network("127.0.0.0/8"),))


@pytest.fixture
def whole() -> Iterator[TlsServer]:
    with TlsServer(LEAF, [SUB.cert_pem]) as server:
        yield server


@pytest.fixture
def lacking() -> Iterator[TlsServer]:
    """A server that does not send its intermediate."""
    with TlsServer(LEAF) as server:
        yield server


def keep(operator: Rest, issued: Issued, name: str, *places: str) -> None:
    entries = [{"environments": list(places or ("test",)), "alias": name, "source": file(issued)}]
    answer = operator.post(path("certificates"), {"name": name, "entries": entries, "deploy": False}, wait=0)
    assert answer.status == 201, answer.json


def bundle(*issued: Issued) -> dict[str, Any]:
    return file(b"".join(i.cert_pem for i in issued))


def ask(rest: Rest, source: dict[str, Any], **more: Any) -> Answer:
    answer = rest.post(CHECK, {"source": source, **more})
    assert answer.status == 200, answer.json
    return answer


def connection(server: TlsServer) -> dict[str, Any]:
    return {"kind": "connection", "url": server.url}


def test_a_server_is_accepted_by_a_saved_root_that_is_not_in_force_yet(operator: Rest, whole: TlsServer) -> None:
    keep(operator, ROOT, "check-root")
    said = ask(operator, connection(whole)).json
    assert (said["verdict"], said["rule"]["code"], said["differ"]) == ("accepted", "path-accepted", False)
    assert said["name"] == "127.0.0.1", "the host of the address"
    assert [(step["certificate_name"], step["place"], step["alias"]) for step in said["path"]] == [
        ("partner.test", "end entity", None),
        ("Check Sub", "intermediate", None),
        ("Check Root", "anchor", "check-root"),
    ]
    assert {one["name"]: one["verdict"] for one in said["validators"]} == {
        "cryptography.x509.verification": "accepted",
        "OpenSSL X509Store": "accepted",
    }
    in_force = ask(operator, connection(whole), state="in force").json
    assert (in_force["verdict"], in_force["release"], in_force["anchors"]) == ("refused", None, 0)
    assert "it is saved as alias check-root and not in force." in in_force["advice"][0]["message"]


def test_the_address_of_a_missing_issuer_is_said_as_the_certificate_says_it(operator: Rest) -> None:
    def access(kind: x509.ObjectIdentifier, uri: str) -> x509.AccessDescription:
        return x509.AccessDescription(kind, x509.UniformResourceIdentifier(uri))

    issuer = access(AuthorityInformationAccessOID.CA_ISSUERS, "http://ca.test/sub.cer")
    answers = access(AuthorityInformationAccessOID.OCSP, "http://ocsp.test")
    extra = [(x509.AuthorityInformationAccess([answers, issuer]), False)]
    leaf = make("Partner", make("Their CA", ca=True), extra=extra)
    asked, where = ask(operator, file(Issued(leaf.x509, leaf.key))).json["advice"]
    assert (asked["kind"], asked["address"]) == ("ask", None)
    assert (where["kind"], where["address"]) == ("address", "http://ca.test/sub.cer")
    assert where["message"] == "Partner says where that is; Trustyard does not fetch it: http://ca.test/sub.cer"


def test_a_missing_intermediate_that_trustyard_knows_is_named(operator: Rest, lacking: TlsServer) -> None:
    keep(operator, ROOT, "check-root")
    unknown = ask(operator, connection(lacking)).json
    assert (unknown["verdict"], unknown["rule"]["code"]) == ("refused", "no-path")
    assert [advice["kind"] for advice in unknown["advice"]] == ["ask"]
    assert unknown["advice"][0]["message"].startswith(
        "Ask for the certificate of the CA CN=Check Sub with the key identifier "
    )
    keep(operator, SUB, "check-sub", "production")
    known = ask(operator, connection(lacking)).json
    assert known["verdict"] == "refused"
    [advice] = known["advice"]
    assert (advice["kind"], advice["sha256"]) == ("intermediate", SUB.sha256)
    assert "The source lacks the intermediate Check Sub" in advice["message"]
    assert "accepted" in advice["message"]


def test_one_alias_is_named_as_it_is_written_or_as_envoy_has_it(operator: Rest, whole: TlsServer) -> None:
    keep(operator, ROOT, "Büro 2")
    for trust in ("büro 2", "alias/Büro 2", f"alias/{safe_filename('Büro 2')}"):
        assert ask(operator, connection(whole), trust=trust).json["verdict"] == "accepted"


def test_a_ca_of_another_environment_is_named_with_its_alias(operator: Rest, whole: TlsServer) -> None:
    keep(operator, ROOT, "their-root", "production")
    said = ask(operator, connection(whole)).json
    assert said["verdict"] == "refused"
    assert said["advice"][0]["message"] == (
        "The environment test lacks the CA Check Root; it is in production as alias their-root. "
        "With it the answer is: accepted."
    )
    assert (said["advice"][0]["environment"], said["advice"][0]["alias"]) == ("production", "their-root")


def test_a_ca_of_another_root_set_or_of_a_deny_list_is_named_with_that_place_alone(
    operator: Rest, whole: TlsServer
) -> None:
    environments.update(ADA, "production", if_match="*", root_set=ROOT.cert_pem)
    [advice] = ask(operator, connection(whole)).json["advice"]
    assert "lacks the CA Check Root; it is a root of production. With it" in advice["message"]
    assert (advice["environment"], advice["alias"]) == ("production", None)
    environments.update(ADA, "production", if_match="*", root_set="none")
    [advice] = ask(operator, connection(whole)).json["advice"]
    assert "lacks the CA Check Root; Trustyard knows it from another source. With it" in advice["message"]
    environments.update(ADA, "test", if_match="*", root_set=ROOT.cert_pem)
    [advice] = ask(operator, connection(whole), state="in force").json["advice"]
    assert "lacks the CA Check Root; it is in the root set there and not in force. With it" in advice["message"]
    environments.update(ADA, "test", if_match="*", deny_list=[ROOT.sha256])
    [advice] = ask(operator, connection(whole)).json["advice"]
    assert "lacks the CA Check Root; it is on the deny list there. With it" in advice["message"]
    assert advice["environment"] == "test"


def test_a_root_that_the_server_sends_is_offered_to_be_added(operator: Rest) -> None:
    said = ask(operator, bundle(LEAF, SUB, ROOT), choose=LEAF.sha256, name="partner.test").json
    assert [step["place"] for step in said["path"]] == ["end entity", "intermediate", "root"]
    [advice] = said["advice"]
    assert (advice["kind"], advice["sha256"]) == ("anchor", ROOT.sha256)
    assert advice["message"] == (
        "The source itself holds the root Check Root: who trusts it adds it to test. With it the answer is: accepted."
    )


def test_what_the_source_lacks_is_told_beside_the_ca_that_the_environment_lacks(
    operator: Rest, lacking: TlsServer
) -> None:
    keep(operator, ROOT, "their-root", "production")
    keep(operator, SUB, "their-sub", "production")
    told = [(a["kind"], a["sha256"]) for a in ask(operator, connection(lacking)).json["advice"]]
    assert told == [("anchor", ROOT.sha256), ("intermediate", SUB.sha256), ("anchor", SUB.sha256)]


def test_a_revoked_ca_is_named_as_revoked(operator: Rest, whole: TlsServer) -> None:
    keep(operator, ROOT, "check-root")
    address = path("certificates", "check-root", "entries", "test", "revoke")
    operator.post(address, {"reason": "left", "deploy": False})
    [advice] = ask(operator, connection(whole)).json["advice"]
    assert "it is saved as alias check-root and left out: Revoked in Trustyard." in advice["message"]


def test_a_moment_is_asked_of_what_a_release_of_that_moment_would_hold(operator: Rest) -> None:
    """What has expired today was trusted once; what expires is left out by then."""
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    key = new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old Root")])
    old = Ca(build(name, name, key.public_key(), key, is_ca=True, days=90, start=start), key)
    leaf = old.issue("old.test", dns=["old.test"], days=60, start=start)
    keep(operator, old, "old-root")
    then = ask(operator, file(leaf), name="old.test", moment="2024-02-01T00:00:00Z").json
    assert (then["verdict"], then["path"][-1]["alias"]) == ("accepted", "old-root")
    now = ask(operator, file(leaf), name="old.test").json
    assert (now["verdict"], now["rule"]["code"]) == ("refused", "no-path")
    assert "it is saved as alias old-root and left out: Expired on 2024-03-31" in now["advice"][0]["message"]


def test_one_alias_or_what_is_used_is_asked_alone(operator: Rest, whole: TlsServer) -> None:
    keep(operator, ROOT, "check-root")
    keep(operator, Ca.new("Other"), "other")
    assert ask(operator, connection(whole), trust="alias/CHECK-root").json["verdict"] == "accepted"
    assert ask(operator, connection(whole), trust="used").json["verdict"] == "accepted"
    other = ask(operator, connection(whole), trust="other").json
    assert (other["verdict"], other["anchors"]) == ("refused", 1)
    assert "is in test as alias check-root, outside the part that was asked for" in other["advice"][0]["message"]
    refused = operator.post(CHECK, {"source": connection(whole), "trust": "nobody"})
    assert (refused.status, refused.code, refused.fields) == (422, "alias-unknown", ["trust"])


def test_a_client_certificate_in_a_file_is_judged_for_clients(operator: Rest) -> None:
    keep(operator, ROOT, "check-root")
    said = ask(operator, bundle(LEAF, SUB), purpose="client").json
    assert (said["verdict"], said["name"]) == ("accepted", None)
    assert "name-not-checked" in {remark["code"] for remark in said["remarks"]}


def test_what_is_expired_at_a_moment_is_refused_at_that_moment(operator: Rest) -> None:
    keep(operator, ROOT, "check-root")
    later = (dt.datetime.now(dt.UTC) + dt.timedelta(days=120)).isoformat()
    said = ask(operator, bundle(LEAF, SUB), name="partner.test", moment=later).json
    assert (said["verdict"], said["rule"]["code"]) == ("refused", "expired")
    assert said["rule"]["source"] == "RFC 5280, section 6.1.3 (a)(2)"
    assert {one["verdict"] for one in said["validators"]} == {"refused"}


def test_a_server_of_another_name_is_refused_with_the_names_that_it_has(operator: Rest, whole: TlsServer) -> None:
    keep(operator, ROOT, "check-root")
    said = ask(operator, connection(whole), name="bank.test").json
    assert (said["verdict"], said["rule"]["code"]) == ("refused", "name-mismatch")
    assert "partner.test is not for bank.test; its alternative names: partner.test" in said["message"]
    assert said["reaches_anchor"], "the path itself is found"
    assert said["advice"] == []


def test_a_pin_differs_between_validators_and_the_rule_says_which_gateways(operator: Rest) -> None:
    """D-18."""
    keep(operator, LEAF, "pin")
    said = ask(operator, file(LEAF), name="partner.test").json
    assert (said["verdict"], said["rule"]["code"], said["differ"]) == ("accepted", "pin", True)
    assert "Envoy accepts it so; HAProxy and nginx" in said["message"]
    assert "the rule pin says why that is not followed" in said["difference"]
    assert said["path"][0]["alias"] == "pin"


def test_why_a_validator_that_asks_more_of_an_anchor_is_not_followed_is_said(operator: Rest) -> None:
    """A root without key usage, as `openssl req -x509` makes them: `cryptography` refuses the path, gateways do not."""
    end = MOMENT + dt.timedelta(days=3650)
    plain = make("Plain Root", ca=True, end=end, KeyUsage=NONE)
    leaf = make("Partner", plain, end=end)
    keep(operator, Issued(plain.x509, plain.key), "plain-root")
    said = ask(operator, file(Issued(leaf.x509, leaf.key)), name=HOST).json
    assert (said["verdict"], said["differ"]) == ("accepted", True)
    assert [one["verdict"] for one in said["validators"]] == ["refused", "accepted"]
    assert "That is not followed: every rule of RFC 5280, section 6, is kept" in said["difference"]


def test_where_openssl_alone_accepts_the_verdict_says_that_gateways_will(operator: Rest) -> None:
    key = new_key()
    plain = build(LEAF.certificate.subject, ROOT.certificate.subject, key.public_key(), ROOT.key)
    keep(operator, ROOT, "check-root")
    said = ask(operator, file(Issued(plain, key)), purpose="client").json
    assert (said["verdict"], said["rule"]["code"]) == ("refused", "authority-key-identifier")
    assert said["message"].endswith("Gateways that verify as OpenSSL does accept it all the same.")


@pytest.mark.parametrize("what", ["purpose", "name"])
def test_where_openssl_alone_refuses_the_verdict_says_that_gateways_will(operator: Rest, what: str) -> None:
    """Of both HAProxy 2.6 was seen to refuse what Envoy 1.40 accepts."""
    end = MOMENT + dt.timedelta(days=3650)
    any_purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    constraints = x509.NameConstraints([x509.DNSName("test")], None)
    limit = {"ExtendedKeyUsage": any_purpose} if what == "purpose" else {"NameConstraints": constraints}
    odd = make("Odd Root", ca=True, end=end, **limit)
    mail = x509.SubjectAlternativeName([x509.RFC822Name("a@partner.test")])
    leaf = make("client.example", odd, end=end, SubjectAlternativeName=mail)
    keep(operator, Issued(odd.x509, odd.key), "odd-root")
    said = ask(operator, file(Issued(leaf.x509, leaf.key)), purpose="client").json
    assert (said["verdict"], said["validators"][1]["verdict"]) == ("accepted", "refused")
    assert said["message"].endswith("Gateways that verify as OpenSSL does, such as HAProxy and nginx, refuse it.")


def test_a_self_signed_server_is_told_how_to_be_trusted(operator: Rest) -> None:
    alone = self_signed("alone.test", dns=["alone.test"])
    [advice] = ask(operator, file(alone), name="alone.test").json["advice"]
    assert (advice["kind"], advice["sha256"]) == ("pin", alone.sha256)


def test_several_certificates_and_no_choice_ask_for_one(operator: Rest) -> None:
    """D-08."""
    several = bundle(LEAF, ROOT.issue("second.test"))
    refused = operator.post(CHECK, {"source": several})
    assert (refused.status, refused.code, refused.fields) == (422, "choice-needed", ["choose"])
    assert ask(operator, several, choose=LEAF.sha256).json["certificate"]["sha256"] == LEAF.sha256


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"moment": "yesterday"}, "bad-moment", "moment"),
        ({"moment": "2027-01-31T12:00:00"}, "bad-moment", "moment"),
        ({"name": "two words"}, "bad-peer-name", "name"),
        ({"purpose": "both"}, "bad-fields", "purpose"),
        ({"state": "waiting"}, "bad-fields", "state"),
        ({"extra": 1}, "bad-fields", "extra"),
        ({"source": {"kind": "connection", "url": "http://localhost"}}, "bad-url", "source.url"),
    ],
)
def test_a_question_that_cannot_be_asked_names_its_field(
    operator: Rest, body: dict[str, Any], code: str, field: str
) -> None:
    answer = operator.post(CHECK, {"source": file(LEAF), **body})
    assert (answer.status, answer.code, answer.fields) == (422, code, [field])


def test_who_may_not_connect_may_not_check(cast: Cast) -> None:
    assert cast.viewer.post(CHECK, {"source": file(LEAF)}).code == "not-allowed"
    assert cast.test_operator.post(CHECK, {"source": file(LEAF)}).status == 200
    assert cast.operator.post(path("environments", "nowhere", "trust-check"), {"source": file(LEAF)}).status == 404


def test_an_address_that_is_denied_is_refused_as_for_a_source(operator: Rest, settings: Any) -> None:
    settings.TRUSTYARD = replace(settings.TRUSTYARD, fetch_allow=())
    answer = operator.post(CHECK, {"source": {"kind": "connection", "url": "https://127.0.0.1:1"}})
    assert (answer.status, answer.code) == (422, "source-denied")


def test_what_was_inspected_is_checked_by_its_token(operator: Rest, whole: TlsServer) -> None:
    keep(operator, ROOT, "check-root")
    token = operator.post(path("certificates", "inspect"), connection(whole)).json["token"]
    said = ask(operator, {"kind": "inspected", "token": token}).json
    assert (said["verdict"], said["name"]) == ("accepted", "127.0.0.1")
