"""Certificates over REST: stored, read, changed, revoked, deleted, exported."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from tests.tls_servers import Ca

from .conftest import Cast, file
from .rest import Answer, Rest, path

Add = Callable[..., Answer]
CERTIFICATES = path("certificates")


def test_a_certificate_is_stored_per_environment_and_deployed(operator: Rest, ca: Ca) -> None:
    """S-04, S-05, S-07, S-17, S-41: one name, another certificate in each environment, and a release for each."""
    mine, theirs = ca.issue("mine"), ca.issue("theirs")
    body = {
        "name": "partner-acme",
        "description": "Zulieferer für ş und ğ",
        "entries": [
            {"environment": "test", "alias": "acme", "source": file(mine)},
            {"environment": "production", "alias": "acme", "source": file(theirs)},
        ],
        "deploy": True,
    }
    made = operator.post(CERTIFICATES, body, wait=3)
    assert made.status == 201
    assert made.headers["Location"] == path("certificates", "partner-acme")
    assert [entry["sha256"] for entry in made.json["entries"]] == [mine.sha256, theirs.sha256]
    assert [place["environment"] for place in made.json["deployment"]["environments"]] == ["test", "production"]
    assert made.headers["X-Trustyard-Await"].endswith(";3"), "the router is asked to wait"
    read = operator.get(made.headers["Location"])
    assert read.etag == made.etag
    assert read.json["description"] == body["description"]
    assert all(entry["in_force"] for entry in read.json["entries"])


def test_without_deploy_nothing_is_in_force_and_no_deployment_is_named(add: Add, operator: Rest) -> None:
    """D-21, D-26."""
    made = add("waits", deploy=False)
    assert "deployment" not in made.json
    assert made.json["entries"][0]["in_force"] is False
    [row] = operator.get(path("environments", "test", "truststore")).json["items"]
    assert (row["alias"], row["pending"], row["origin"]) == ("waits", "added", "certificate")


@pytest.mark.parametrize(
    "name", ["a/b", "a%2Fb", "inspect", "export", "ş ğ İ", "%", "100%25", "?&=#", "a\\b", "…", "'"]
)
def test_a_name_with_any_character_is_an_address(name: str, add: Add, operator: Rest) -> None:
    """D-10, I-13, I-15."""
    made = add(name)
    address = made.headers["Location"]
    assert operator.get(address).json["name"] == name
    assert operator.get(address + "/export").status == 200
    assert operator.ask("HEAD", address).status == 200
    revoked = operator.post(f"{address}/entries/test/revoke", {"reason": "lost"}, wait=0)
    assert revoked.json["entries"][0]["status"] == "revoked"
    assert operator.patch(address, {"description": "x"}, revoked.etag).status == 200
    assert operator.delete(address, wait=0).status == 200
    assert operator.get(address).status == 404


def test_two_names_that_look_alike_in_an_address_are_two(add: Add, operator: Rest) -> None:
    """I-13."""
    add("a/b")
    add("a_b")
    assert {operator.get(path("certificates", n)).json["name"] for n in ("a/b", "a_b")} == {"a/b", "a_b"}
    assert operator.get("/api/v1/certificates/a/b").code == "not-found"


def test_what_is_missing_is_named(operator: Rest, ca: Ca) -> None:
    """S-17: no name, or no entry."""
    nothing = operator.post(CERTIFICATES, {})
    assert (nothing.status, nothing.fields) == (422, ["name", "entries"])
    assert operator.post(CERTIFICATES, {"name": "x", "entries": []}).code == "no-entry"
    assert operator.post(CERTIFICATES, {"name": " ", "entries": []}).fields == ["name", "entries"]
    half = operator.post(CERTIFICATES, {"name": "x", "entries": [{"environment": "test", "alias": "x"}]})
    assert (half.status, half.fields) == (422, ["entries.0.source"])


@pytest.mark.parametrize(
    ("entry", "code", "field"),
    [
        ({"environment": "moon"}, "unknown-environment", "entries.0.environment"),
        ({"environments": ["test", "test"]}, "environment-twice", "entries.0.environment"),
        ({"alias": "root-x"}, "bad-alias", "entries.0.alias"),
        ({"alias": " x"}, "bad-name", "entries.0.alias"),
        ({"alias": "x" * 101}, "bad-name", "entries.0.alias"),
        ({"alias": 5}, "bad-fields", "entries.0.alias"),
        ({"colour": "red"}, "bad-fields", "entries.0.colour"),
        ({"environment": "test", "environments": ["test"]}, "bad-fields", "entries.0"),
        ({"source": {"kind": "post"}}, "bad-fields", "entries.0.source.kind"),
        ({"source": {"kind": "file"}}, "bad-fields", "entries.0.source.content_base64"),
        ({"source": {"kind": "file", "content_base64": "A"}}, "bad-base64", "entries.0.source.content_base64"),
        ({"source": {"kind": "file", "content_base64": "aGk=\n"}}, "bad-base64", "entries.0.source.content_base64"),
        ({"source": {"kind": "connection", "url": "http://localhost"}}, "bad-url", "entries.0.source.url"),
        ({"source": {"kind": "paste", "encoding": "HEX", "content": "00"}}, "bad-fields", "entries.0.source.encoding"),
        ({"source": {"kind": "inspected", "token": "x"}}, "inspection-unknown", "entries.0.source.token"),
        ({"source": {"kind": "connection", "url": "https://127.0.0.1:9"}}, "source-denied", "entries.0.source.url"),
        ({"choose": "00"}, "choice-unknown", "entries.0.choose"),
    ],
)
def test_a_bad_entry_is_refused_by_its_field(
    entry: dict[str, object], code: str, field: str, operator: Rest, ca: Ca
) -> None:
    """S-08, S-10, S-13, D-01, D-09."""
    given = {"alias": "x", "source": file(ca.issue("x")), **entry}
    if "environments" not in given:
        given.setdefault("environment", "test")
    answer = operator.post(CERTIFICATES, {"name": "x", "entries": [given]})
    assert answer.status == 422
    assert answer.fields == [field]
    assert answer.code == code
    assert operator.get(CERTIFICATES).json["total"] == 0


def test_all_that_is_wrong_is_said_at_once_and_no_server_is_asked_before(add: Add, operator: Rest, ca: Ca) -> None:
    held = add("held").json
    entries = [
        {"environment": "moon", "alias": "x", "source": file(ca.issue("x"))},
        {"environment": "test", "alias": "root-x", "source": file(b"no certificate")},
        {"environment": "production", "alias": " ", "source": {"kind": "connection", "url": "https://127.0.0.1"}},
    ]
    wrong = {"name": "a\nb", "description": "x" * 5000, "entries": entries}
    fields = [
        "name", "description", "entries.0.environment", "entries.1.alias", "entries.2.alias", "entries.1.source"
    ]  # fmt: skip
    made = operator.post(CERTIFICATES, {**wrong, "entries": [*entries, {"environment": "late", "alias": "late"}]})
    assert (made.status, made.fields) == (
        422,
        [*fields[:3], "entries.3.environment", *fields[3:5], "entries.3.source", fields[5]],
    )
    assert operator.patch(path("certificates", "held"), wrong, "*").fields == fields
    assert operator.get(path("certificates", "held")).json["version"] == held["version"]


def test_a_name_and_aliases_that_are_taken_are_said_at_once(add: Add, operator: Rest, ca: Ca) -> None:
    add("held", "test", "production")
    add("own", "production")
    entry = {"environments": ["test", "production"], "alias": "held", "source": file(ca.issue("x"))}
    answer = operator.post(CERTIFICATES, {"name": "held", "entries": [entry]})
    assert (answer.status, answer.code) == (409, "name-taken")
    assert answer.fields == ["name", "entries.0.alias", "entries.0.alias"]
    changed = operator.patch(path("certificates", "own"), {"name": "held", "entries": [entry]}, "*")
    assert (changed.status, changed.fields) == (409, answer.fields)


def test_an_unknown_environment_is_named_in_the_message(operator: Rest, ca: Ca) -> None:
    """S-08."""
    entry = {"environment": "moon", "alias": "x", "source": file(ca.issue("x"))}
    answer = operator.post(CERTIFICATES, {"name": "x", "entries": [entry]})
    assert "moon" in answer.json["detail"]


def test_a_taken_name_or_alias_is_a_conflict_whatever_its_case(add: Add, operator: Rest, ca: Ca) -> None:
    """I-12, D-09, D-10."""
    add("Acme")
    entry = {"environment": "test", "alias": "other", "source": file(ca.issue("x"))}
    taken = operator.post(CERTIFICATES, {"name": "ACME", "entries": [entry]})
    assert (taken.status, taken.code, taken.fields) == (409, "name-taken", ["name"])
    assert taken.json["detail"] == "There is already a certificate named Acme; case does not count."
    same = operator.post(CERTIFICATES, {"name": "Acme", "entries": [entry]})
    assert same.json["detail"] == "There is already a certificate named Acme."
    clash = operator.post(CERTIFICATES, {"name": "x", "entries": [{**entry, "alias": "aCME"}]})
    assert (clash.status, clash.code, clash.fields) == (409, "alias-taken", ["entries.0.alias"])
    taken_by = "The alias Acme is taken in test by the certificate Acme; case does not count."
    assert clash.json["detail"] == taken_by


def test_several_certificates_and_no_choice_are_listed(operator: Rest, ca: Ca) -> None:
    """D-08, I-10."""
    two = file(ca.issue("one").cert_pem + ca.issue("two").cert_pem)
    entry = {"environment": "test", "alias": "x", "source": two}
    refused = operator.post(CERTIFICATES, {"name": "x", "entries": [entry]})
    assert (refused.status, refused.code) == (422, "choice-needed")
    names = [certificate["certificate_name"] for certificate in refused.json["certificates"]]
    assert sorted(names) == ["one", "two"]
    twice = [entry, {**entry, "environment": "production"}]
    both = operator.post(CERTIFICATES, {"name": "x", "entries": twice})
    assert (both.code, both.fields) == ("choice-needed", ["entries.0.choose", "entries.1.choose"])
    assert both.json["certificates"] == refused.json["certificates"]
    chosen = refused.json["certificates"][1]["sha256"]
    made = operator.post(CERTIFICATES, {"name": "x", "entries": [{**entry, "choose": chosen}]})
    assert made.json["entries"][0]["sha256"] == chosen


def test_the_one_end_entity_certificate_of_a_chain_is_taken(operator: Rest, ca: Ca) -> None:
    """D-08."""
    leaf = ca.issue("leaf")
    entry = {"environment": "test", "alias": "x", "source": file(ca.cert_pem + leaf.cert_pem)}
    made = operator.post(CERTIFICATES, {"name": "x", "entries": [entry]})
    assert made.json["entries"][0]["sha256"] == leaf.sha256


def test_put_removes_what_is_left_out_and_patch_keeps_it(add: Add, operator: Rest, ca: Ca) -> None:
    address = add("acme", "test", "production").headers["Location"]
    new = ca.issue("new")
    patched = operator.patch(address, {"entries": [{"environment": "test", "source": file(new)}]})
    assert [e["environment"] for e in patched.json["entries"]] == ["test", "production"]
    assert (patched.json["entries"][0]["sha256"], patched.json["entries"][0]["alias"]) == (new.sha256, "acme")
    kept = {"entries": [{"environment": "test"}]}
    put = operator.put(address, {**kept, "deploy": True}, patched.etag, wait=0)
    [entry] = put.json["entries"]
    assert (entry["sha256"], entry["alias"]) == (new.sha256, "acme")
    assert {place["environment"] for place in put.json["deployment"]["environments"]} == {"production"}, (
        "the update was saved before; what this change touched is production"
    )
    assert operator.put(address, {}).fields == ["entries"]
    assert operator.put(address, {"entries": []}).code == "no-entry"


def test_a_choice_without_a_source_is_refused_and_not_passed_over(add: Add, operator: Rest, ca: Ca) -> None:
    add("acme")
    held = operator.get(path("certificates", "acme")).json
    entry = {"environment": "test", "choose": ca.issue("other").sha256}
    refused = operator.patch(path("certificates", "acme"), {"description": "new", "entries": [entry]})
    assert (refused.status, refused.code, refused.fields) == (422, "choice-unknown", ["entries.0.choose"])
    assert operator.get(path("certificates", "acme")).json == held


def test_a_deploy_alone_puts_in_force_what_waits_and_answers_with_the_deployment(
    add: Add, operator: Rest, cast: Cast
) -> None:
    """D-26: the second time nothing waits, and the newest release is answered as it is."""
    address = add("acme", "test", "production", deploy=False).headers["Location"]
    of_test = cast.test_operator.patch(address, {"deploy": True}, wait=0)
    assert [place["environment"] for place in of_test.json["deployment"]["environments"]] == ["test"]
    for body in ({"deploy": True}, {"deploy": True, "description": "words"}):
        answer = operator.patch(address, body, wait=0)
        assert [entry["in_force"] for entry in answer.json["entries"]] == [True, True]
        deployed = [(one["environment"], one["release"]) for one in answer.json["deployment"]["environments"]]
        assert deployed == [("test", 1), ("production", 1)]
    assert "deployment" not in operator.patch(address, {"description": "more words"}).json


def test_a_description_alone_raises_no_question_and_no_release(add: Add, operator: Rest, add_jwk: Add) -> None:
    """D-03, I-05, S-28."""
    address = add("acme").headers["Location"]
    add_jwk("key", "acme")
    answer = operator.patch(address, {"description": "new words", "deploy": True})
    assert (answer.status, answer.json["description"], answer.json["jwks"]) == (200, "new words", [])


def test_a_rename_keeps_the_object_and_moves_its_address(add: Add, operator: Rest) -> None:
    address = add("old").headers["Location"]
    renamed = operator.patch(address, {"name": "new"})
    assert renamed.json["name"] == "new"
    assert operator.get(address).status == 404
    assert operator.get(path("certificates", "new")).etag == renamed.etag


def test_revoking_takes_it_out_and_restoring_brings_it_back(add: Add, operator: Rest, add_jwk: Add) -> None:
    """S-19, D-13, I-11: the entry, and the JWKs made from it, with a release at once."""
    address = add("acme").headers["Location"]
    add_jwk("key", "acme", deploy=True)
    revoked = operator.post(f"{address}/entries/test/revoke", {"reason": "key lost"}, wait=0)
    entry = revoked.json["entries"][0]
    assert (entry["status"], entry["revoked"]["reason"], entry["in_force"]) == ("revoked", "key lost", False)
    assert [(j["name"], j["change"]) for j in revoked.json["jwks"]] == [("key", "disabled")]
    assert revoked.json["deployment"]["environments"][0]["left_out"][0]["alias"] == "acme"
    assert operator.get(path("jwks", "key")).json["state"] == "disabled"
    told = operator.patch(path("jwks", "key"), {"state": "active"})
    assert (told.code, told.fields) == ("entry-revoked", ["state"])
    assert "made from, acme in test, is revoked. Restore it, or give it a new certificate." in told.json["detail"]
    restored = operator.post(f"{address}/entries/test/restore", None, wait=0)
    assert restored.json["entries"][0]["in_force"] is True
    assert operator.get(path("jwks", "key")).json["state"] == "active"
    assert operator.post(f"{address}/entries/production/revoke", {"reason": "x"}).status == 404
    for unreasoned in ({}, {"reason": " "}):
        assert operator.post(f"{address}/entries/test/revoke", unreasoned).fields == ["reason"]


def test_a_new_certificate_clears_the_revocation(add: Add, operator: Rest, ca: Ca) -> None:
    """D-13."""
    address = add("acme").headers["Location"]
    operator.post(f"{address}/entries/test/revoke", {"reason": "x", "deploy": False})
    entries = [{"environment": "test", "source": file(ca.issue("next"))}]
    assert operator.patch(address, {"entries": entries}).json["entries"][0]["revoked"] is None


def test_deleting_without_related_jwks_asks_nothing_and_deploys(add: Add, operator: Rest) -> None:
    """S-35, S-36, D-26."""
    address = add("acme", "test", "production").headers["Location"]
    gone = operator.delete(address, wait=0)
    assert [p["environment"] for p in gone.json["deployment"]["environments"]] == ["test", "production"]
    assert operator.get(path("environments", "test", "truststore")).json["items"] == []
    later = add("later").headers["Location"]
    assert "deployment" not in operator.delete(later, deploy=False).json
    [row] = operator.get(path("environments", "test", "truststore")).json["items"]
    assert row["pending"] == "removed"


def test_an_export_comes_back_with_the_same_fingerprint(add: Add, operator: Rest) -> None:
    """S-39."""
    made = add("a/b", "test", "production").json["entries"][0]["sha256"]
    address = path("certificates", "a/b", "export")
    archive = zipfile.ZipFile(io.BytesIO(operator.get(address).content))
    assert len(archive.namelist()) == 3
    *entries, sums = archive.namelist()
    assert archive.read(sums).decode() == "".join(f"{made}  {entry}\n" for entry in entries)
    for kind, name in (("pem", "x.pem"), ("der", "x.cer"), ("pkcs7", "x.p7b")):
        data = operator.get(address, format=kind, environment="test").content
        seen = operator.post(path("certificates", "inspect"), file(data, name))
        assert [c["sha256"] for c in seen.json["certificates"]] == [made]
    refused = operator.post(path("certificates", "inspect"), file(operator.get(address).content, "x.zip"))
    assert (refused.status, "This is a ZIP archive" in refused.json["detail"]) == (422, True)
    assert all(entry in refused.json["detail"] for entry in entries)
    assert operator.get(address, format="docx").status == 422
    assert operator.get(address, environment="moon").status == 422
    assert "filename" in operator.get(address).headers["Content-Disposition"]
    assert '-test.zip"' in operator.get(address, environment="TEST").headers["Content-Disposition"]


def test_the_list_is_filtered(add: Add, operator: Rest, add_jwk: Add) -> None:
    add("acme", "test")
    add("bank", "production")
    add_jwk("key", "acme")
    sha256 = operator.get(path("certificates", "bank")).json["entries"][0]["sha256"]

    def names(**query: object) -> list[str]:
        return [item["name"] for item in operator.get(CERTIFICATES, **query).json["items"]]

    assert names() == ["acme", "bank"]
    assert names(sort="-name") == ["bank", "acme"]
    assert names(q="CN=bank") == ["bank"]
    assert names(q=sha256) == ["bank"]
    assert names(q="REST Test CA") == ["acme", "bank"]
    assert names(environment="test") == ["acme"]
    assert names(connected_jwks=True) == ["acme"]
    assert names(connected_jwks=False) == ["bank"]
    assert names(status="revoked") == []
    assert names(expires_within=10) == []
    assert names(expires_within=100) == ["acme", "bank"]
    for bad in ({"status": "green"}, {"sort": "colour"}, {"expires_within": -1}, {"environment": "moon"}):
        assert operator.get(CERTIFICATES, **bad).status == 422
    assert operator.get(CERTIFICATES, q="a\x00b").status == 422


def test_in_an_environment_the_filters_ask_its_own_entry(add: Add, operator: Rest, add_jwk: Add) -> None:
    add("acme", "test", "production")
    add_jwk("one", "acme")

    def names(**query: object) -> list[str]:
        return [item["name"] for item in operator.get(CERTIFICATES, **query).json["items"]]

    for connected in (True, False):
        assert names(environment="test", connected_jwks=connected) == (["acme"] if connected else [])
        assert names(environment="production", connected_jwks=connected) == ([] if connected else ["acme"])
    operator.post(f"{path('certificates', 'acme')}/entries/production/revoke", {"reason": "gone"}, wait=0)
    assert (names(environment="test", status="revoked"), names(status="revoked")) == ([], ["acme"])


def test_a_certificate_is_found_by_its_words_in_any_case_and_not_by_those_of_before(
    add: Add, operator: Rest, ca: Ca
) -> None:
    add("acme")
    source = file(ca.issue("Gateway", dns=["api.partner.example"]))
    entries = [{"environment": "test", "alias": "Köprü", "source": source}]
    body = {"name": "Ödeme", "description": "Çeyrek Ağı", "entries": entries}
    entry = operator.post(CERTIFICATES, body).json["entries"][0]

    def names(words: str) -> list[str]:
        return [item["name"] for item in operator.get(CERTIFICATES, q=words).json["items"]]

    for words in ("ÖDEME", "ağı", "KÖPRÜ", "API.Partner", "cn=gateway", entry["serial_hex"].upper(), entry["sha1"]):
        assert names(words) == ["Ödeme"], words
    changed = {"name": "Tahsilat", "description": "In spring"}
    assert operator.patch(path("certificates", "Ödeme"), changed).status == 200
    assert names("ödeme") == names("çeyrek") == []
    assert names("TAHSİLAT") == names("SPRING") == ["Tahsilat"]


def test_an_operator_of_test_touches_test_alone(add: Add, cast: Cast, ca: Ca) -> None:
    """D-24: entries of the own environments; name, description and deletion need all of a certificate's."""
    address = add("acme", "test", "production").headers["Location"]
    mine = cast.test_operator
    change = {"entries": [{"environment": "test", "source": file(ca.issue("new"))}]}
    assert mine.patch(address, change).status == 200
    for refused in (
        mine.patch(address, {"description": "x"}),
        mine.patch(address, {"entries": [{"environment": "production", "alias": "x"}]}),
        mine.put(address, {"entries": [{"environment": "test"}]}),
        mine.delete(address),
        mine.post(f"{address}/entries/production/revoke", {"reason": "x"}),
        mine.post(path("environments", "production", "releases")),
    ):
        assert (refused.status, refused.code) == (403, "not-allowed")
        assert "production" in refused.json["detail"]


def test_a_deploy_names_what_else_came_into_force_and_went(
    add: Add, add_jwk: Callable[..., Answer], operator: Rest
) -> None:
    def besides(answer: Answer) -> dict[str, object]:
        [place] = answer.json["deployment"]["environments"]
        named: dict[str, object] = place["besides"]
        return named

    assert besides(add("first")) == {"count": 0, "names": []}
    add("waits", deploy=False)
    add_jwk("a-key", "first", deploy=False)
    leaving = add("leaving")
    assert besides(leaving) == {"count": 2, "names": ["waits", "a-key"]}
    gone = operator.delete(path("certificates", "waits"), deploy="false")
    assert gone.status == 200
    deleted = operator.delete(path("certificates", "leaving"), wait=0)
    assert besides(deleted) == {"count": 1, "names": ["waits"]}
    revoked = operator.post(path("certificates", "first", "entries", "test", "revoke"), {"reason": "lost"}, wait=0)
    assert besides(revoked) == {"count": 0, "names": []}, "its own JWK is no other change"
    add("again", deploy=False)
    whole = operator.post(path("environments", "test", "releases"), {}, wait=0)
    assert besides(whole) == {"count": 0, "names": []}, "all that is saved was meant"


def test_the_same_certificate_under_another_name_is_another_change(operator: Rest, ca: Ca) -> None:
    source = file(ca.issue("double"))

    def add(name: str, *, deploy: bool) -> None:
        entries = [{"environment": "test", "alias": name, "source": source}]
        assert operator.post(CERTIFICATES, {"name": name, "entries": entries, "deploy": deploy}, wait=0).status == 201

    def besides(answer: Answer) -> list[str]:
        [place] = answer.json["deployment"]["environments"]
        names: list[str] = place["besides"]["names"]
        return names

    add("one", deploy=True)
    add("two", deploy=False)
    revoked = operator.post(path("certificates", "one", "entries", "test", "revoke"), {"reason": "lost"}, wait=0)
    assert besides(revoked) == ["two"]
    renamed = operator.patch(path("certificates", "TWO"), {"name": "three", "deploy": True}, wait=0)
    assert (renamed.status, besides(renamed)) == (200, []), "its name of before is no other's"
