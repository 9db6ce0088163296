"""The forms of JWKs: where somebody else saves meanwhile, what is missing, what one may, what a deploy brings."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.authority import Authority
from trustyard import models
from trustyard.actions import certificates, environments, jwks, releases
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.sources import Paste
from trustyard.pki.jwks import jwk_from_certificate
from trustyard.web.views import jwk_form

from .people import signed_in

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}
CHANGED = "Somebody else changed this JWK meanwhile."


def store(name: str, *places: str) -> models.Certificate:
    """A certificate of its own name in these environments."""
    entry = EntryGiven(places, name, Paste("BASE64PEM", Authority(name).pem))
    return certificates.create(LOCAL, [Definition(name, "", [entry])]).certificates[0]


def sign_in(client: Client, *places: str) -> Client:
    """An operator: of these environments, or of all."""
    return signed_in(client, "works", "operator", *places)


@pytest.fixture
def person(client: Client) -> Client:
    """An operator at the console; `acme` is in test, `shared` in both, `theirs` in production, each with a JWK."""
    for name in ("test", "production"):
        environments.create(LOCAL, name=name, type=name)
    for name, places in (("acme", ["test"]), ("shared", ["test", "production"]), ("theirs", ["production"])):
        store(name, *places)
        jwks.create(LOCAL, name=f"{name}-key", source=jwks.FromCertificate(name, places[0]), deploy=True)
    return sign_in(client)


def jwk(name: str = "acme-key") -> models.Jwk:
    return models.Jwk.objects.get(name=name)


def address(path: str = "edit/", name: str = "acme-key") -> str:
    return f"/jwks/{jwk(name).pk}/{path}"


def fields(page: str) -> dict[str, str]:
    """What a browser would send of the form."""
    said = dict(re.findall(r'<input [^>]*?name="([^"]+)" value="([^"]*)"', page))
    said |= dict(re.findall(r'<textarea [^>]*?name="([^"]+)"[^>]*>([^<]*)<', page))
    for name, options in re.findall(r'<select [^>]*?name="([^"]+)"[^>]*>(.*?)</select>', page):
        said[name] = "".join(re.findall(r"<option selected>(.*?)</option>", options))
    said.pop("csrfmiddlewaretoken")
    return {name: html.unescape(value) for name, value in said.items()}


def opened(person: Client) -> dict[str, str]:
    return fields(person.get(address()).content.decode())


def text(answer: Any) -> str:
    """An answer without its tags, spaces put together."""
    assert isinstance(answer, HttpResponse)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def test_what_was_typed_and_chosen_stays_after_a_refusal(person: Client) -> None:
    form = opened(person)
    for name in ("shared-key", ""):
        sent = {**form, "name": name, "description": "mine", "state": "disabled"}
        page = person.post(address(), sent).content.decode()
        assert fields(page) == sent
        assert 'aria-invalid="true"' in page


def test_after_a_refusal_the_form_is_still_of_the_version_that_it_was_opened_with(person: Client) -> None:
    """What somebody saves between the refusal and its page is no news that the author was shown."""
    form = opened(person)
    jwks.update(LOCAL, "acme-key", if_match="*", state="disabled")
    refused = fields(person.post(address(), {**form, "name": "shared-key"}).content.decode())
    assert (refused["name"], refused["state"]) == ("shared-key", "disabled")
    jwks.update(LOCAL, "acme-key", if_match="*", description="theirs")
    again = person.post(address(), {**refused, "name": "mine"}).content.decode()
    assert (CHANGED in again, fields(again)["description"]) == (True, "theirs")


def test_after_a_conflict_what_the_author_did_not_touch_is_as_it_is_stored_now(person: Client) -> None:
    form = opened(person)
    jwks.update(LOCAL, "acme-key", if_match="*", new_name="renamed", description="their\nlines")
    page = person.post(address(name="renamed"), {**form, "state": "disabled"}).content.decode()
    assert f"{CHANGED} Look at what is stored now, then save again." in page
    assert "Saving again replaces what the other saved by what stands here." in page
    assert f'<a href="{address("", "renamed")}" target="_blank">See what is stored now</a>' in page
    shown = fields(page)
    assert (shown["name"], shown["description"], shown["state"]) == ("renamed", "their\nlines", "disabled")
    browser = {name: value.replace("\n", "\r\n") for name, value in shown.items()}
    assert person.post(address(name="renamed"), browser).status_code == 303
    stored = jwk("renamed")
    assert (stored.description, stored.state, stored.version) == ("their\nlines", "disabled", 3)


def test_after_a_conflict_what_the_author_did_touch_stays(person: Client) -> None:
    form = opened(person)
    jwks.update(LOCAL, "acme-key", if_match="*", description="theirs", state="disabled")
    shown = fields(person.post(address(), {**form, "description": "mine"}).content.decode())
    assert (shown["description"], shown["state"]) == ("mine", "disabled")
    assert jwk().description == "theirs", "nothing is saved yet"
    assert person.post(address(), shown).status_code == 303
    assert (jwk().description, jwk().state) == ("mine", "disabled")


def test_a_save_says_that_it_waits_only_where_a_release_would_tell_of_it(person: Client) -> None:
    """What is disabled is not published with the next release, and a description in none."""

    def said(**typed: str) -> str:
        return text(person.get(person.post(address(), {**opened(person), **typed})["Location"]))

    assert "acme-key is saved. " in said(description="mine")
    assert "acme-key is saved and not deployed yet." in said(state="disabled")
    assert "acme-key is saved. " in said(deploy="yes", description="yours")
    assert "acme-key is saved. " in said(description="ours"), "it is disabled, and published nowhere"
    assert "acme-key is saved and not deployed yet." in said(state="active")


def test_a_form_that_leaves_the_state_as_it_is_does_not_keep_a_withdrawn_jwk_from_coming_back(person: Client) -> None:
    certificates.revoke(LOCAL, "acme", "test", reason="x")
    form = opened(person)
    assert form["state"] == "disabled"
    assert person.post(address(), {**form, "description": "mine"}).status_code == 303
    certificates.restore(LOCAL, "acme", "test")
    assert (jwk().description, jwk().state) == ("mine", "active")


def test_a_jwk_that_would_not_be_taken_today_stays_disabled_and_the_form_says_why(person: Client) -> None:
    models.Jwk.objects.update(public={"kty": "OKP", "crv": "Ed25519", "x": 43 * "A"}, state="disabled")
    given = {**fields(person.get(address()).content.decode()), "state": "active"}
    page = person.post(address(), given).content.decode()
    (said,) = re.findall(r'id="p-state">([^<]*)<', page)
    assert "anybody can sign with it" in said
    assert person.post(address(), {**given, "state": "disabled", "description": "broken"}).status_code == 303
    assert (jwk().state, jwk().description) == ("disabled", "broken")


def test_who_may_not_any_more_is_told_in_the_form(person: Client) -> None:
    form = {**opened(person), "description": "mine"}
    models.User.objects.get().environments.set(models.Environment.objects.filter(name="production"))
    page = person.post(address(), form).content.decode()
    assert "works is an operator of other environments than test" in page
    assert fields(page)["description"] == "mine"


def test_save_and_deploy_says_what_else_it_puts_in_force(person: Client) -> None:
    """A release holds the whole environment; the JWK's own changes are not others."""
    jwks.update(LOCAL, "acme-key", if_match="*", new_name="renamed", state="disabled")

    def said() -> str:
        return text(person.get(address("besides/", "renamed"), **HTMX))

    assert f'hx-get="{address("besides/", "renamed")}"' in person.get(address(name="renamed")).content.decode()
    assert said() == ""
    store("elsewhere", "production")
    assert said() == "", "nothing of this JWK is there"
    store("other", "test")
    assert said().startswith("Save and Deploy brings 1 other change of test that waits: Preview of test")
    jwks.create(LOCAL, name="one more", source=jwks.FromCertificate("other", "test"))
    assert "2 other changes of test that wait" in said()


def test_deleting_a_jwk_says_what_else_its_release_brings(person: Client) -> None:
    def dialog() -> str:
        return text(person.get(address("delete/"), **HTMX))

    assert "The same release" not in dialog()
    store("other", "test")
    assert "The same release brings 1 other change of test that waits" in dialog()


def test_a_new_jwk_says_what_else_its_deploy_brings(person: Client) -> None:
    def said(**given: Any) -> str:
        return text(person.get("/jwks/besides/", given, **HTMX))

    assert 'hx-get="/jwks/besides/"' in person.get("/jwks/create/").content.decode()
    store("other", "test")
    assert said() == ""
    assert said(kind="certificate", environment="production", environments=["test"]) == ""
    assert "Save and Deploy brings 1 other change of test that waits" in said(kind="certificate", environment="test")
    by_hand = said(kind="jwk", environment="production", environments=["test", "production"])
    assert "1 other change of test" in by_hand
    assert "of production" not in by_hand
    assert person.get("/jwks/choices/", **HTMX)["HX-Trigger-After-Swap"] == "choices-changed"


def options(page: str, name: str) -> list[str]:
    [shown] = re.findall(rf'<select id="{name}".*?>(.*?)</select>', page)
    return re.findall(r"<option.*?>(.+?)</option>", shown)


def test_an_operator_of_one_environment_is_offered_what_is_there_alone(person: Client, client: Client) -> None:
    models.User.objects.get().environments.set(models.Environment.objects.filter(name="test"))
    page = person.get("/jwks/create/").content.decode()
    assert options(page, "certificate") == ["Choose…", "acme", "shared"]
    assert re.findall(r'name="environments" value="(.+?)"', page) == ["test"]
    for name, places in (("shared", ["test"]), ("theirs", ["Choose a certificate first"])):
        fitting = person.get("/jwks/choices/", {"certificate": name}, **HTMX).content.decode()
        assert options(fitting, "environment") == places


def public() -> str:
    return json.dumps(jwk_from_certificate(models.StoredCertificate.objects.first().read(), kid="given"))  # type: ignore[union-attr]  # the fixture stored some


def test_what_one_may_not_is_said_in_the_form(person: Client) -> None:
    models.User.objects.get().environments.set(models.Environment.objects.filter(name="test"))
    mine = {"name": "sign", "description": "kept", "kid": "k1"}
    for source in (
        {"kind": "certificate", "certificate": "theirs", "environment": "production"},
        {"kind": "jwk", "jwk": public(), "environments": ["test", "production"]},
    ):
        page = person.post("/jwks/create/", {**mine, **source}).content.decode()
        assert "works is an operator of other environments than production" in page
        assert {**fields(page), **mine} == fields(page)
    assert json.loads(fields(page)["jwk"])["kid"] == "given"


def test_a_jwk_that_is_not_wholly_public_is_never_shown_again(person: Client) -> None:
    """D-07."""
    for given in (json.dumps({**json.loads(public()), "d": "c2VjcmV0"}), '{"d": "c2VjcmV0"', '{"d": "c2VjcmV0"}'):
        page = person.post("/jwks/create/", {"name": "", "kind": "jwk", "jwk": given}).content.decode()
        assert "The name is missing." in page
        assert "c2VjcmV0" not in page
    noted = json.dumps({**json.loads(public()), "note": "c2VjcmV0"})
    page = person.post("/jwks/create/", {"name": "", "kind": "jwk", "jwk": noted}).content.decode()
    assert "c2VjcmV0" not in page
    assert "given" in fields(page)["jwk"]


def test_what_of_a_given_jwk_is_not_published_is_named_after_the_save(person: Client) -> None:
    noted = json.dumps({**json.loads(public()), "ext": True})
    form = {"name": "sign", "kind": "jwk", "jwk": noted, "environments": "test"}
    assert person.post("/jwks/create/", form).status_code == 303
    told = text(person.get(f"/jwks/{jwk('sign').pk}/"))
    assert "Members of this JWK that Trustyard does not publish were left out: ext." in told
    assert jwk("sign").public == json.loads(public())


@pytest.mark.parametrize(
    "typed",
    [
        "[]",
        '{"keys": []}',
        '{"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "BBBB"',
        '{"kty": "EC" "crv": "P-256"}',
        "{kty: 'EC', key_ops: ['verify', 'sign'],}",
        '{"kty": "EC", "x": "AAAA',
        '{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}',
    ],
)
def test_a_text_that_is_no_jwk_and_plainly_no_secret_stays_in_its_box(person: Client, typed: str) -> None:
    page = person.post("/jwks/create/", {"name": "a", "kind": "jwk", "jwk": typed}).content.decode()
    assert fields(page)["jwk"] == typed
    assert "not shown again" not in page


@pytest.mark.parametrize(
    "typed",
    [
        '{"kty": "EC", "d": "c2VjcmV0", "x": "AAAA"',
        '{"kty": "oct", "k": "c2VjcmV0"',
        "{kty: 'RSA', dp: 'c2VjcmV0'}",
        '{"x": "AAAA, "d": "c2VjcmV0"}',
        '{"x": "AAAA, d: c2VjcmV0',
        '{"x": "AAAA" c2VjcmV0}',
        '{"\\u0064": "c2VjcmV0"',
        '{"x": d: "c2VjcmV0"}',
        '{"priv": "c2VjcmV0", "kty": "AKP"',
        '["c2VjcmV0"]',
        '"c2VjcmV0"',
        "c2VjcmV0",
        '{"x5c": ["c2VjcmV0"',
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----",
    ],
)
def test_a_text_that_may_hold_a_secret_is_not_shown_again_and_that_is_said(person: Client, typed: str) -> None:
    """D-07."""
    page = person.post("/jwks/create/", {"name": "a", "kind": "jwk", "jwk": typed}).content.decode()
    assert "c2VjcmV0" not in page
    assert "What stood here is not shown again, for it may hold a private key." in page


@pytest.mark.parametrize("kid", ["a\0b", "\ud800"])
def test_a_jwk_with_what_nobody_can_store_is_none(person: Client, kid: str) -> None:
    for strange in ({"kid": kid}, {f"x{kid}": 1}):
        typed = json.dumps({**json.loads(public()), **strange})
        page = person.post("/jwks/create/", {"name": "a", "kind": "jwk", "jwk": typed, "environments": "test"})
        assert "This is not a JWK" in text(page)
    assert person.get("/jwks/").status_code == 200


def test_a_jwk_that_nests_without_end_is_none(person: Client) -> None:
    given = {"name": "a", "kind": "jwk", "jwk": "[" * 100_000, "environments": "test"}
    assert "This is not a JWK" in text(person.post("/jwks/create/", given))


def test_a_certificate_that_was_deleted_meanwhile_does_not_cost_the_form(person: Client) -> None:
    given = {"name": "sign", "description": "kept", "certificate": "gone", "environment": "test"}
    answer = person.post("/jwks/create/", given)
    assert "There is no certificate named gone in test." in text(answer)
    assert fields(answer.content.decode())["description"] == "kept"


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"kind": "certificate"}, {"name": "The name is missing.", "certificate": "Choose a certificate."}),
        ({"certificate": "acme", "name": "a"}, {"environment": "Choose an environment."}),
        (
            {"kind": "jwk", "jwk": " "},
            {
                "name": "The name is missing.",
                "jwk": "This is not a JWK: a JSON object such as {&quot;kty&quot;: &quot;EC&quot;, …}.",
                "environments": "A JWK given by hand needs at least one environment.",
            },
        ),
    ],
)
def test_all_that_is_missing_is_named_at_once_and_each_at_its_control(
    person: Client, given: dict[str, str], missing: dict[str, str]
) -> None:
    page = person.post("/jwks/create/", given).content.decode()
    found = dict(re.findall(r'<p class="field-problem" id="p-(\w+)">(.+?)</p>', page))
    assert found == missing
    for name in missing:
        assert re.search(rf'<[^>]*aria-describedby="[^"]*p-{name}"', page), name
    assert models.Jwk.objects.count() == 3


def test_use_and_algorithm_are_those_of_the_source(person: Client) -> None:
    page = person.get("/jwks/create/").content.decode()
    first = ["Choose a certificate first"]
    assert [options(page, name) for name in ("environment", "use", "alg")] == [first, first, first]
    assert page.count('hx-get="/jwks/choices/"') == 5, "both sources, the certificate, its environment, the use"

    def fitting(name: str, **given: str) -> list[str]:
        return options(person.get("/jwks/choices/", given, **HTMX).content.decode(), name)

    assert fitting("use", kind="certificate", certificate="acme") == ["sig (signature)", "enc (encryption)"]
    assert fitting("alg", kind="certificate", certificate="acme") == ["ES256", "none stated"]
    by_hand = {"kind": "jwk", "certificate": "acme"}
    assert fitting("use", **by_hand) == ["as in the JWK", "sig (signature)", "enc (encryption)"]
    assert fitting("alg", **by_hand) == ["as in the JWK"]
    assert fitting("environment", **by_hand) == ["test"], "it is there when one goes back to the certificate"


@pytest.mark.parametrize("named", ["stage", "production"])
def test_of_an_address_or_a_form_no_other_environment_is_chosen_than_it_names(person: Client, named: str) -> None:
    """`acme` is in test alone, where nobody meant the JWK to be published; there may be no stage."""
    first, none = ["Choose an environment first"], "none chosen"
    given = {"kind": "certificate", "certificate": "acme", "environment": named}
    for sent in (given, {**given, "environment": ""}):
        for page in (
            person.post("/jwks/create/", {**sent, "name": "a"}).content.decode(),
            person.get("/jwks/create/", sent).content.decode(),
            person.get("/jwks/choices/", sent, **HTMX, HTTP_HX_TRIGGER_NAME="kind").content.decode(),
        ):
            assert [options(page, name) for name in ("environment", "use", "alg")] == [[none, "test"], first, first]
            assert f'<option value="" selected>{none}</option>' in page
            assert "a" not in models.Jwk.objects.values_list("name", flat=True)


def test_another_certificate_is_taken_where_it_is(person: Client) -> None:
    """The environment that was chosen is that of the certificate before."""
    for named, offered in (("production", ["test"]), ("test", ["test"]), ("", ["test"])):
        given = {"kind": "certificate", "certificate": "acme", "environment": named}
        page = person.get("/jwks/choices/", given, **HTMX, HTTP_HX_TRIGGER_NAME="certificate").content.decode()
        assert (options(page, "environment"), options(page, "alg")) == (offered, ["ES256", "none stated"])


def chips(page: str) -> dict[str, str]:
    """The environments that a page names, and `waits` beside those where another key is published than saved."""
    found = re.findall(r'<span class="chip( waits)?">(?:<a [^>]+>)?([^<]+)<', page)
    return {name: waits.strip() for waits, name in found}


def listed(person: Client, name: str) -> dict[str, str]:
    return chips(person.get(f"/jwks/?q={name}").content.decode())


def shown(person: Client, name: str) -> dict[str, str]:
    return chips(person.get(address("", name)).content.decode())


def test_a_jwk_waits_until_what_is_saved_of_it_is_published(person: Client) -> None:
    """D-21, D-26: a plain save changes the key here, and not yet what verifiers are given."""
    entry = EntryGiven(("test",), None, Paste("BASE64PEM", Authority("renewed").pem))
    answer = certificates.JwkAnswer(action="update", confirm="acme")
    certificates.update(LOCAL, "acme", if_match="*", entries=[entry], answer=answer)
    assert listed(person, "acme-key") == shown(person, "acme-key") == {"test": "waits"}
    assert "waits for a release" in person.get(address("", "acme-key")).content.decode()
    releases.deploy(LOCAL, "test")
    assert listed(person, "acme-key") == shown(person, "acme-key") == {"test": ""}


def test_a_new_jwk_and_a_disabled_one_wait_in_each_environment_by_itself(person: Client) -> None:
    key = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    jwks.create(LOCAL, name="given", source=jwks.HandGiven(key, ["test", "production"]))
    releases.deploy(LOCAL, "production")
    assert listed(person, "given") == {"test": "waits", "production": ""}
    jwks.update(LOCAL, "given", if_match="*", state="disabled")
    assert listed(person, "given") == {"test": "", "production": "waits"}


def test_a_jwk_that_was_renamed_is_published_as_it_was(person: Client) -> None:
    """A name is not published."""
    jwks.update(LOCAL, "acme-key", if_match="*", new_name="renamed")
    assert listed(person, "renamed") == {"test": ""}
    jwks.update(LOCAL, "renamed", if_match="*", state="disabled")
    assert listed(person, "renamed") == {"test": "waits"}


def test_a_certificate_that_the_form_does_not_offer_among_many_has_a_link_to_it(
    person: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "These are the first" not in person.get("/jwks/create/").content.decode()
    monkeypatch.setattr(jwk_form, "OFFERED", 1)
    page = person.get("/jwks/create/").content.decode()
    assert "These are the first 1 by name." in page
    assert "<option>theirs</option>" not in page
    shown = person.get(f"/certificates/{models.Certificate.objects.get(name='shared').pk}/").content.decode()
    links = re.findall(r'href="(/jwks/create/[^"]+)"', html.unescape(shown))
    assert sorted(links) == [f"/jwks/create/?certificate=shared&environment={one}" for one in ("production", "test")]
    page = person.get("/jwks/create/?certificate=theirs&environment=production").content.decode()
    assert "<option selected>theirs</option>" in page
    assert "<option selected>production</option>" in page
