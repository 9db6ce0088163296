"""Two people at one environment or gateway: neither takes back or deletes what the other saved without knowing it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from tests.authority import Authority
from tests.tls_servers import new_key
from trustyard import models
from trustyard.actions import audit, certificates, environments, gateways, jwks
from trustyard.actions.actors import LOCAL, Actor
from trustyard.actions.certificates import Definition, EntryGiven, JwkAnswer
from trustyard.actions.sources import Paste
from trustyard.pki.jwks import jwk_of_key

from .people import signed_in

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
LABELS = {"description": "Description", "root_set": "Root set", "directory": "Directory"}
PROBES = [{"address": "gateway.example:8443", "node": None, "trust": "used"}]


class Form(HTMLParser):
    """The fields of a page's form, the one with this field, and what a browser would send of them."""

    def __init__(self, page: str, field: str = "opened") -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._forms: list[dict[str, str]] = []
        self._area = self._select = ""
        self._option: bool | None = None
        self.feed(page.replace("\r\n", "\n"))  # as a browser reads it
        [self.sent] = [form for form in self._forms if field in form]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "form":
            self._forms.append({})
        elif tag == "input" and given.get("type") in ("text", "hidden"):
            self._forms[-1][name] = given.get("value") or ""
        elif tag == "input" and given.get("type") in ("checkbox", "radio") and "checked" in given:
            self._forms[-1][name] = given.get("value") or "on"
        elif tag == "textarea":
            self._area, self._forms[-1][name] = name, ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self._forms[-1][self._select], self._option = given.get("value") or "", given.get("value") is None

    def handle_data(self, data: str) -> None:
        if self._area:
            self._forms[-1][self._area] += data.replace("\n", "\r\n")
        elif self._option:
            self._forms[-1][self._select] = data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        elif tag == "option":
            self._option = None
        elif tag == "select":
            self._select = ""


@pytest.fixture
def person(client: Client) -> Client:
    """Somebody in front of the environment test, which another uses by other ways meanwhile."""
    environments.create(LOCAL, name="test", description="line one\nline two", deny_list=["ab" * 32, "cd" * 32])
    return signed_in(client, "quinn", "admin")


def place() -> models.Environment:
    """The environment as it is stored."""
    return models.Environment.objects.get(name="test")


def at(row: models.Environment | models.Gateway) -> str:
    """The address of its form."""
    return f"/environments/{row.pk}/" if isinstance(row, models.Environment) else f"/gateways/{row.pk}/edit/"


def opened(person: Client, row: models.Environment | models.Gateway) -> dict[str, str]:
    return Form(person.get(at(row)).content.decode()).sent


def refused(person: Client, row: models.Environment | models.Gateway, sent: dict[str, str]) -> str:
    answer = person.post(at(row), sent)
    assert answer.status_code != 303
    return answer.content.decode()


def test_an_untouched_form_changes_nothing(person: Client) -> None:
    before = place()
    before.description = "one line"
    before.save()
    assert person.post(at(before), opened(person, before)).status_code == 303
    assert environments.fingerprint(place()) == {**environments.fingerprint(before), "policy": place().policy}


def test_what_another_saved_of_an_environment_stays_where_the_author_did_not_touch_it(person: Client) -> None:
    sent = opened(person, place()) | {"root_set": "mozilla", "policy_weak": "block"}
    environments.update(
        LOCAL, "test", if_match="*", description="theirs", policy={"removal": "confirm"}, deny_list=["ef" * 32],
        publish_truststore=True, type="production",
    )  # fmt: skip
    page = refused(person, place(), sent)
    assert place().description == "theirs", "nothing is saved by the first Save"
    again = Form(page).sent
    assert (again["root_set"], again["policy_weak"]) == ("mozilla", "block"), "what was touched stays"
    assert person.post(at(place()), again).status_code == 303
    now = place()
    assert (now.root_set, now.policy["weak"]) == ("mozilla", "block")
    assert (now.description, now.policy["removal"], now.deny_list) == ("theirs", "confirm", ["ef" * 32])
    assert (now.publish_truststore, now.type) == (True, "production")


def test_what_another_saved_of_a_gateway_stays_where_the_author_did_not_touch_it(person: Client) -> None:
    given = {"probes": PROBES, "allow_older": False}
    row = gateways.create(LOCAL, "test", name="edge", kind="agent", options=given)
    sent = opened(person, row) | {"allow_older": "yes"}
    gateways.update(LOCAL, "test", "edge", if_match="*", options={**given, "probes": []})
    again = Form(refused(person, row, sent)).sent
    assert (again["probes"], again["allow_older"]) == ("", "yes")
    assert person.post(at(row), again).status_code == 303
    row.refresh_from_db()
    assert row.options == {"probes": [], "allow_older": True}


def test_an_option_that_the_author_unticked_stays_unticked_after_a_conflict(person: Client) -> None:
    row = gateways.create(LOCAL, "test", name="edge", kind="agent", options={"allow_older": True})
    sent = opened(person, row)
    del sent["allow_older"]
    gateways.update(LOCAL, "test", "edge", if_match="*", options={"allow_older": True, "probes": PROBES})
    again = Form(refused(person, row, sent)).sent
    assert "allow_older" not in again
    assert "gateway.example:8443" in again["probes"]


def test_what_both_changed_is_the_authors_and_a_second_conflict_knows_it(person: Client) -> None:
    sent = opened(person, place()) | {"description": "mine"}
    for theirs in ("theirs", "theirs again"):
        environments.update(LOCAL, "test", if_match="*", description=theirs)
        sent = Form(refused(person, place(), sent)).sent
        assert sent["description"] == "mine"
    assert person.post(at(place()), sent).status_code == 303
    assert place().description == "mine"


def test_a_conflict_leads_to_what_is_stored_and_says_what_saving_again_does(person: Client) -> None:
    row = gateways.create(LOCAL, "test", name="edge", kind="agent", options={})
    for one, what, there in ((place(), "environment", at(place())), (row, "gateway", f"/gateways/{row.pk}/")):
        page = refused(person, one, {**opened(person, one), "etag": '"0-0"'})
        assert f"Somebody else changed this {what} meanwhile. Look at what is stored now, then save again." in page
        assert "Saving again replaces what the other saved by what stands here." in page
        assert f'<a href="{there}" target="_blank">See what is stored now</a>' in page


def test_a_form_with_a_fault_is_told_first_what_another_saved(person: Client) -> None:
    row = gateways.create(LOCAL, "test", name="edge", kind="agent", options={})
    forms = [(place(), {"root_set": "uploaded"}, "Select the file"), (row, {"probes": "[{"}, "not readable JSON")]
    typed = [(one, opened(person, one) | given, fault) for one, given, fault in forms]
    environments.update(LOCAL, "test", if_match="*", description="theirs")
    gateways.update(LOCAL, "test", "edge", if_match="*", options={"allow_older": True})
    for one, sent, fault in typed:
        page = refused(person, one, sent)
        assert ("meanwhile" in page, fault in page) == (True, False)
        again = refused(person, one, Form(page).sent)
        assert ("meanwhile" in again, fault in again) == (False, True)
    assert place().description == "theirs"


def test_a_form_that_does_not_say_what_it_was_opened_with_counts_as_touched(person: Client) -> None:
    for seal in ("", "forged"):
        page = refused(person, place(), {"etag": '"0-0"', "opened": seal, "description": "mine", "root_set": "none"})
        assert Form(page).sent["description"] == "mine"


def bundle() -> SimpleUploadedFile:
    return SimpleUploadedFile("company.pem", Authority("Company").pem.encode())


def with_file(person: Client, sent: dict[str, str], address: str) -> str:
    """The form that comes back to who selected a file of roots."""
    file = SimpleUploadedFile("company.pem", Authority("Company").pem.encode())
    return person.post(address, {**sent, "root_set": "uploaded", "bundle": file}).content.decode()


def test_of_a_file_of_roots_with_a_private_key_only_the_key_is_dropped_and_that_is_said(
    person: Client, tmp_path: Path
) -> None:
    """D-07."""
    certificate, key = (Path(path).read_bytes() for path in Authority("Company").written(tmp_path))
    sent = opened(person, place()) | {"root_set": "uploaded", "bundle": SimpleUploadedFile("a.pem", key + certificate)}
    assert person.post(at(place()), sent).status_code == 303
    page = person.get(at(place())).content.decode()
    assert "The environment test is saved. The input also held a private key." in page


AGAIN = "company.pem is not kept when the form comes back: select a file again."
WITHOUT = "Without one, uploaded means the roots of the last upload."


def test_a_file_that_a_browser_cannot_keep_has_to_be_selected_again(person: Client) -> None:
    sent = opened(person, place())
    environments.update(LOCAL, "test", if_match="*", root_set="mozilla")
    page = with_file(person, sent, at(place()))
    assert (AGAIN in page, WITHOUT in page) == (True, False)
    assert "Select the file that holds them." in refused(person, place(), Form(page).sent)
    assert AGAIN in with_file(person, {"name": "test"}, "/environments/create/")


def test_a_file_of_roots_is_a_touch_and_its_loss_leads_to_the_roots_before(person: Client) -> None:
    environments.update(LOCAL, "test", if_match="*", root_set=Authority("Before").pem.encode())
    sent = opened(person, place())
    environments.update(LOCAL, "test", if_match="*", root_set="mozilla")
    page = with_file(person, sent, at(place()))
    assert Form(page).sent["root_set"] == "uploaded", "though it was uploaded before, too"
    assert (AGAIN in page, WITHOUT in page) == (True, True)


def test_a_cleared_description_stays_cleared_when_the_form_comes_back(person: Client) -> None:
    page = refused(person, place(), opened(person, place()) | {"description": "", "deny_list": "no digest"})
    assert Form(page).sent["description"] == ""
    assert Form(page).sent["deny_list"] == "no digest"


def test_an_environment_that_cannot_be_made_keeps_what_was_typed(person: Client) -> None:
    given = {"name": "test", "type": "production", "description": "new", "policy_weak": "block", "root_set": "mozilla"}
    page = person.post("/environments/create/", given).content.decode()
    assert "<option selected>production</option>" in page
    assert '<option value="mozilla" selected>' in page
    assert 'value="test"' in page
    assert "<option selected>block</option>" in page


@pytest.mark.parametrize("what", ["certificate", "environment", "gateway", "jwk"])
def test_a_deletion_over_a_change_of_somebody_else_asks_again_in_its_dialog_and_deletes_nothing(
    person: Client, what: str
) -> None:
    """As of a certificate (D-05): the dialog shows what is stored by then, and its second Delete is about that."""
    row, others = removable(what)
    there = f"/{what}s/{row.pk}/delete/"
    asked = person.get(there, headers=HTMX).content.decode()
    assert "Something changed" not in asked
    others()
    again = person.post(there, {"etag": etag(asked)}, headers=HTMX)
    assert (again["HX-Retarget"], again["HX-Reswap"]) == ("#dialogs", "innerHTML")
    page = again.content.decode()
    assert "<dialog" in page
    assert "Something changed while this was open. Nothing has been deleted." in page
    row.refresh_from_db()
    assert etag(page) == row.etag != etag(asked)
    assert "HX-Redirect" in person.post(there, {"etag": etag(page)}, headers=HTMX).headers
    assert not type(row).objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("what", ["certificate", "environment", "gateway", "jwk"])
def test_a_deletion_of_what_somebody_else_deleted_says_who_it_was(person: Client, what: str) -> None:
    """Whether its dialog was open by then, or its row alone was shown, or its page."""
    there = f"/{what}s/{removable(what)[0].pk}/delete/"
    asked = Form(person.get(there, headers=HTMX).content.decode()).sent
    pages = [f"/{what}s/", there.removesuffix("delete/")][: 1 if what == "environment" else 2]
    buttons = [about(person.get(page).content.decode(), there) for page in pages]
    delete(what, replace(LOCAL, name="somebody"))
    answers = [person.post(there, asked, headers=HTMX), *(person.get(there, one, headers=HTMX) for one in buttons)]
    for answer in answers:
        named = f"somebody deleted the {what.replace('jwk', 'JWK')} {asked['object'].split('/', 1)[1]} just now"
        assert named in answer.content.decode()
    if what == "certificate":
        edit = person.post(there.replace("delete", "edit"), buttons[0], headers=HTMX)
        assert "somebody deleted the certificate acme just now" in edit.content.decode()


@pytest.mark.parametrize(
    ("what", "addresses"),
    [
        ("certificate", ["", "export/", "in/1/"]),
        ("environment", ["", "preview/"]),
        ("gateway", ["", "edit/"]),
        ("jwk", ["", "edit/"]),
    ],
)
def test_a_plain_link_to_what_somebody_deleted_says_who_it_was_and_leads_to_the_list(
    person: Client, what: str, addresses: list[str]
) -> None:
    """An older list has such links, and so have bookmarks: nothing travels with them."""
    row, _ = removable(what)
    there = f"/{what}s/{row.pk}/"
    other = html.unescape(person.get(f"/{what}s/{row.pk + 1000}/").content.decode())
    assert "deleted the" not in other, "who deleted something else is not named"
    delete(what, replace(LOCAL, name="somebody"))
    name = {"certificate": "acme", "environment": "stage", "gateway": "test/edge", "jwk": "sign"}[what]
    for address in addresses:
        answer = person.get(there + address)
        page = html.unescape(answer.content.decode())
        assert answer.status_code == 404
        assert f"somebody deleted the {what.replace('jwk', 'JWK')} {name} just now." in page
        assert f'<a class="button" href="/{what}s/">' in page
    for number in (row.pk + 1000, 10**30):
        gone = person.get(f"/{what}s/{number}/")
        page = html.unescape(gone.content.decode())
        assert (gone.status_code, "exists no more" in page, f'href="/{what}s/">' in page) == (404, True, True)
    models.AuditEvent.objects.all().delete()
    assert "exists no more" in person.get(there).content.decode(), "the audit of before does not know it"


def test_a_jwk_that_went_with_its_certificate_is_named_with_who_deleted_that(person: Client) -> None:
    removable("certificate")
    made = jwks.create(LOCAL, name="made", source=jwks.FromCertificate("acme", "test")).jwk
    answer = JwkAnswer("delete", confirm="acme")
    certificates.delete(replace(LOCAL, name="somebody"), "acme", if_match="*", answer=answer)
    assert "somebody deleted the JWK made just now." in person.get(f"/jwks/{made.pk}/edit/").content.decode()


def test_an_entry_that_a_certificate_lacks_is_not_called_a_deleted_certificate(person: Client) -> None:
    row, _ = removable("certificate")
    certificates.delete(LOCAL, "acme", if_match="*")
    row, _ = removable("certificate")
    answer = person.get(f"/certificates/{row.pk}/in/4711/")
    assert (answer.status_code, "deleted the certificate" in answer.content.decode()) == (404, False)


def delete(what: str, actor: Actor) -> None:
    """As this actor, what `removable` made."""
    {
        "certificate": lambda: certificates.delete(actor, "acme", if_match="*"),
        "environment": lambda: environments.delete(actor, "stage", if_match="*"),
        "gateway": lambda: gateways.delete(actor, "test", "edge", if_match="*"),
        "jwk": lambda: jwks.delete(actor, "sign", if_match="*"),
    }[what]()


def about(page: str, there: str) -> dict[str, str]:
    """What htmx sends along when the button is pressed that asks for this address."""
    held, found, _ = page.partition(f'hx-get="{there}"')
    assert found
    sent: dict[str, str] = json.loads(html.unescape(re.findall(r'hx-vals="([^"]+)"', held)[-1]))
    return sent


def removable(what: str) -> tuple[Any, Callable[[], object]]:
    """Something that can be deleted, and how another changes it."""
    if what == "certificate":
        source = Paste("BASE64PEM", Authority("Partner CA").pem)
        made = certificates.create(LOCAL, [Definition("acme", "", [EntryGiven(("test",), "acme", source)])]).certificate
        return made, lambda: certificates.update(LOCAL, "acme", if_match="*", description="theirs")
    if what == "environment":
        made = environments.create(LOCAL, name="stage")
        return made, lambda: environments.update(LOCAL, "stage", if_match="*", description="theirs")
    if what == "gateway":
        edge = gateways.create(LOCAL, "test", name="edge", kind="envoy")
        return edge, lambda: gateways.rotate_token(LOCAL, "test", "edge")
    return key("sign"), lambda: jwks.update(LOCAL, "sign", if_match="*", new_name="renamed")


def etag(page: str) -> str:
    [found] = re.findall(r'name="etag" value="([^"]+)"', page)
    return html.unescape(found)


@pytest.mark.parametrize(
    ("address", "typed", "sentence"),
    [
        (
            "/environments/{place}/",
            {"description": "mine\nand more", "root_set": "mozilla", "deny_list": ""},
            "somebody deleted the environment test",
        ),
        ("/gateways/{gateway}/edit/", {"directory": "/srv/mine"}, "somebody deleted the gateway test/edge"),
        ("/jwks/{jwk}/edit/", {"description": "mine\nand more"}, "somebody deleted the JWK sign"),
    ],
)
def test_what_was_typed_about_something_that_was_deleted_meanwhile_comes_back(
    person: Client, address: str, typed: dict[str, str], sentence: str
) -> None:
    somebody = replace(LOCAL, name="somebody")
    kinds = {"gateway": gateways.create(LOCAL, "test", name="edge", kind="files").pk, "place": place().pk}
    kinds["jwk"] = key("sign").pk
    there = address.format(**kinds)
    form = Form(person.get(there).content.decode()).sent
    kind, name = form["object"].split("/", 1)
    jwks.delete(somebody, "sign", if_match="*")
    gateways.delete(somebody, "test", "edge", if_match="*")
    environments.delete(somebody, "test", if_match="*")
    for action, of in ((f"{kind}.delete", "elsewhere"), ("user.delete", name)):
        audit.record(replace(LOCAL, name="another"), action, "", of)
    answer = person.post(there, {**form, **typed})
    page = html.unescape(answer.content.decode())
    assert answer.status_code == 404
    assert page.count('role="alert"') == 2, "it is said once; the other is the one for when nobody answers"
    assert sentence in page
    said = re.findall(r"<label[^>]*>([^<]+)</label><textarea[^>]*>\n([^<]+)</textarea>", page)
    assert said == [(label, typed[name]) for name, label in LABELS.items() if typed.get(name)]
    assert page.count("</textarea>") == len(said), "what nobody touched is not repeated, and what is empty neither"
    models.AuditEvent.objects.all().delete()
    assert f"Somebody deleted {sentence.split()[-1]}" in html.unescape(person.post(there, form).content.decode())


def key(name: str) -> models.Jwk:
    """A JWK of this name in test, given by hand."""
    return jwks.create(LOCAL, name=name, source=jwks.HandGiven(jwk_of_key(new_key("p256").public_key()), ["test"])).jwk


def sent_to_what_is_gone(person: Client, there: str, form: dict[str, str]) -> str:
    answer = person.post(there, form)
    assert answer.status_code == 404
    return html.unescape(answer.content.decode())


def test_who_deleted_it_is_named_under_whatever_name_it_went(person: Client) -> None:
    there = f"/jwks/{key('sign').pk}/edit/"
    form = Form(person.get(there).content.decode()).sent
    jwks.update(LOCAL, "sign", if_match="*", new_name="old")
    key("sign")
    jwks.update(LOCAL, "old", if_match="*", new_name="older")
    jwks.delete(replace(LOCAL, name="a stranger to it"), "sign", if_match="*")
    jwks.delete(replace(LOCAL, name="somebody"), "older", if_match="*")
    assert "somebody deleted the JWK sign" in sent_to_what_is_gone(person, there, form)


def test_who_once_deleted_another_of_this_name_is_not_named(person: Client) -> None:
    key("sign")
    jwks.delete(LOCAL, "sign", if_match="*")
    models.AuditEvent.objects.update(at=timezone.now() - timedelta(hours=1))
    there = f"/jwks/{key('sign').pk}/edit/"
    form = Form(person.get(there).content.decode()).sent
    jwks.delete(replace(LOCAL, name="somebody"), "sign", if_match="*")
    assert "somebody deleted the JWK sign" in sent_to_what_is_gone(person, there, form)


def test_a_form_of_something_that_is_there_is_not_taken_for_one_that_was_deleted(
    person: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, load = key("sign"), jwks.get_by_id
    there = f"/jwks/{row.pk}/edit/"
    form = Form(person.get(there).content.decode()).sent

    def loaded_just_before_another_renames_it(*given: Any) -> models.Jwk:
        found = load(*given)
        jwks.update(LOCAL, "sign", if_match="*", new_name="renamed")
        return found

    monkeypatch.setattr(jwks, "get_by_id", loaded_just_before_another_renames_it)
    page = sent_to_what_is_gone(person, there, form)
    assert "There is no JWK named sign." in page
    assert "deleted" not in page


@pytest.mark.parametrize(
    ("address", "typed", "shown"),
    [
        ("/environments/{environment}/", {"description": "mine\r\nand more", "root_set": "mozilla"}, {"name": "test"}),
        ("/gateways/{gateway}/edit/", {"allow_older": "yes"}, {"name": "edge", "environment": "test", "kind": "agent"}),
        ("/jwks/{jwk}/edit/", {"name": "mine", "description": "mine\r\nand more"}, {}),
    ],
)
def test_what_was_deleted_meanwhile_is_made_anew_with_what_was_typed(
    person: Client, address: str, typed: dict[str, str], shown: dict[str, str]
) -> None:
    edge = gateways.create(LOCAL, "test", name="edge", kind="agent")
    there = address.format(environment=place().pk, gateway=edge.pk, jwk=key("sign").pk)
    form = Form(person.get(there).content.decode()).sent
    environments.create(LOCAL, name="another")
    jwks.delete(LOCAL, "sign", if_match="*")
    gateways.delete(LOCAL, "test", "edge", if_match="*")
    if "environments" in there:
        environments.delete(LOCAL, "test", if_match="*")
    page = person.post(there, form | typed).content.decode()
    create = re.search(r'action="(/\w+/create/)"', page)
    assert create, "there is a button for it"
    before = counted()
    filled = person.post(create[1], Form(page, "anew").sent)
    assert (filled.status_code, counted()) == (200, before), "nothing is made yet"
    assert "The name is missing" not in filled.content.decode()
    again = Form(filled.content.decode(), "name").sent
    assert "anew" not in again, "Save makes it"
    assert {field: again.get(field) for field in typed | shown} == typed | shown


def counted() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (models.Environment, models.Gateway, models.Jwk))
