"""The certificate form, its window and its dialogs: where somebody else saves meanwhile, and what is missing."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.authority import Authority
from trustyard import models
from trustyard.actions import certificates, draft_window, environments, jwks
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.sources import Connection, Paste
from trustyard.web.views.questions import Question, ask

from .people import signed_in

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}
CHANGED = "Somebody else changed this certificate meanwhile."


@dataclass
class Form:
    """Somebody at the form of the certificate `acme`, by htmx."""

    person: Client
    address: str

    def post(self, path: str, **given: str | list[str]) -> str:
        return self.person.post(f"{self.address}{path}", given, **HTMX).content.decode()

    def apply(self, **given: str) -> str:
        """Opens the window on the entry of test, or a new one, and presses Apply."""
        row = f"e{models.Environment.objects.get(name='test').pk}"
        self.post("window/", row=row, name="acme", description="")
        return self.post("window/apply/", **given)

    def save(self, description: str) -> str:
        return self.post("save/", name="acme", description=description, deploy="yes")


def state(said: str) -> str:
    """Where the dialog stands, as it travels in it."""
    found = re.search(r'name="state" value="([^"]+)"', said)
    assert found is not None, said
    return found[1]


@pytest.fixture
def form(client: Client) -> Form:
    """The form of a certificate that a JWK is made from, with a renewed certificate in it."""
    authority = Authority("Form CA")
    environments.create(LOCAL, name="test")
    entry = EntryGiven(("test",), "acme", Paste("BASE64PEM", authority.issue("acme").pem))
    [stored] = certificates.create(LOCAL, [Definition("acme", "before", [entry])]).certificates
    jwks.create(LOCAL, name="acme-key", source=jwks.FromCertificate("acme", "test"))
    signed_in(client, "works", "operator")
    opened = Form(client, client.post(f"/certificates/{stored.pk}/edit/")["Location"])
    renewed = {"source": "paste", "encoding": "BASE64PEM", "content": authority.issue("acme").pem, "alias": "acme"}
    assert "Configuration" in opened.apply(**renewed)
    return opened


def confirm(form: Form, asked: str) -> str:
    """Chooses Update related JWKs in the dialog, and confirms."""
    chosen = form.post("save/", state=state(asked), action="update")
    return form.post("save/", state=state(chosen), confirm="acme")


def test_a_save_under_the_dialog_of_a_jwk_does_not_take_back_what_another_saved(form: Form) -> None:
    """D-05: the dialog opens again; what its author did not touch is what is stored by then."""
    asked = form.save("before")
    assert "JWK Connection" in asked
    certificates.update(LOCAL, "acme", if_match="*", description="theirs")
    said = confirm(form, asked)
    assert "JWK Connection" in said
    assert models.Certificate.objects.get().version == 2, "nothing is saved by the first confirmation"
    confirm(form, said)
    [stored] = models.Certificate.objects.all()
    assert (stored.description, stored.version) == ("theirs", 3)


@pytest.mark.parametrize("step", ["save", "delete"])
def test_who_confirms_before_all_is_answered_is_asked_what_is_open(form: Form, step: str) -> None:
    """No button sends this; whoever writes requests by hand gets the dialog, too."""
    if step == "save":
        said = form.post("save/", state=state(form.save("mine")), confirm="another")
    else:
        there = f"/certificates/{models.Certificate.objects.get().pk}/delete/"
        asked = form.person.get(there, **HTMX).content.decode()
        said = form.person.post(there, {"state": state(asked), "confirm": "another"}, **HTMX).content.decode()
    assert "JWK Connection" in said
    assert "acme-key" in said
    [stored] = models.Certificate.objects.all()
    assert (stored.description, stored.version) == ("before", 1)


def test_what_the_author_did_touch_is_saved_when_the_dialog_is_confirmed_again(form: Form) -> None:
    asked = form.save("mine")
    certificates.update(LOCAL, "acme", if_match="*", description="theirs")
    confirm(form, confirm(form, asked))
    assert models.Certificate.objects.get().description == "mine"


def test_a_dialog_that_stood_open_for_half_a_day_is_confirmed_as_it_was_shown(
    form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its version says whether anything moved meanwhile (D-05), so its age says nothing."""
    with monkeypatch.context() as before:
        before.setattr(signing.TimestampSigner, "timestamp", lambda _: signing.b62_encode(int(time.time()) - 43_000))
        asked = form.save("mine")
    confirm(form, asked)
    assert models.Certificate.objects.values_list("name", "description").get() == ("acme", "mine")
    assert models.Release.objects.exists(), "Save and Deploy was pressed"


def test_a_dialog_that_says_nothing_takes_nothing_from_the_form(form: Form) -> None:
    form.save("mine")
    assert "JWK Connection" in form.post("save/", state="of another key", confirm="acme")
    page = form.person.get(form.address).content.decode()
    assert 'name="name" value="acme"' in page
    assert ">mine</textarea>" in page


def test_a_conflict_leads_to_what_is_stored_and_says_what_saving_again_does(form: Form) -> None:
    certificates.update(LOCAL, "acme", if_match="*", description="theirs")
    said = form.save("mine")
    assert CHANGED in said
    assert "Saving again replaces what the other saved" in said
    there = f"/certificates/{models.Certificate.objects.get().pk}/"
    assert f'<a href="{there}" target="_blank">See what is stored now</a>' in said
    assert "theirs" in form.person.get(there).content.decode()
    assert 'value="acme"' in form.person.get(form.address).content.decode(), "the draft is still there"
    assert "See what is stored now" not in form.post("save/", name="", description="")


def test_a_form_that_was_saved_in_another_tab_says_that_what_differs_was_not_taken(form: Form) -> None:
    """D-20: a draft is used once; the second press of the same form is no news."""
    saved = form.save("as saved")
    confirm(form, saved)
    address = f"/certificates/{models.Certificate.objects.get().pk}/"
    not_taken = "was saved before. What you typed in this form since was not taken."

    def told(description: str) -> bool:
        form.save(description)
        return not_taken in form.person.get(address).content.decode()

    assert (told("as saved"), told("of the other tab")) == (False, True)
    assert models.Certificate.objects.get().description == "as saved"


def test_after_a_conflict_the_form_shows_what_its_author_did_not_touch_as_it_is_stored_now(form: Form) -> None:
    certificates.update(LOCAL, "acme", if_match="*", new_name="renamed", description="theirs")
    said = form.save("mine")
    assert CHANGED in said
    assert 'id="definition" class="card-body" hx-swap-oob="true"' in said
    assert 'name="name" value="renamed"' in said
    assert '<textarea id="description" name="description" rows="2">mine</textarea>' in said


def save(name: str, *, deploy: bool = False) -> models.Certificate:
    """Another certificate of test."""
    entry = EntryGiven(("test",), name, Paste("BASE64PEM", Authority(name).pem))
    return certificates.create(LOCAL, [Definition(name, "", [entry])], deploy=deploy).certificates[0]


def test_the_dialogs_that_deploy_say_what_else_their_release_brings(form: Form) -> None:
    """A release holds the whole environment: what somebody else saved goes along."""
    place = models.Environment.objects.get()
    revoke, preview = f"rows/e{place.pk}/revoke/", f'href="/environments/{place.pk}/preview/"'
    alone = form.person.get(f"{form.address}{revoke}", **HTMX).content.decode()
    assert "no longer trusted in test" in alone
    assert "The same release" not in alone, "its own JWK is named already"
    other = save("other")
    said = form.person.get(f"{form.address}{revoke}", **HTMX).content.decode()
    assert "The same release brings 1 other change of test that waits" in said
    assert preview in said
    deletion = form.person.get(f"/certificates/{other.pk}/delete/", **HTMX).content.decode()
    assert "The same release brings 2 other changes of test that wait" in deletion
    there = f"/certificates/{models.Certificate.objects.get(name='acme').pk}/delete/"
    asked = form.person.get(there, **HTMX).content.decode()
    chosen = form.person.post(there, {"state": state(asked), "action": "delete"}, **HTMX).content.decode()
    assert "Confirm Deletion" in chosen
    assert "The same release brings 1 other change of test that waits" in chosen


def test_the_form_says_what_else_save_and_deploy_would_put_in_force(form: Form) -> None:
    certificates.update(LOCAL, "acme", if_match="*", deploy=True, entries=[EntryGiven(("test",), "acme-2")])
    environments.create(LOCAL, name="elsewhere")

    def said() -> str:
        return form.person.get(f"{form.address}besides/", **HTMX).content.decode().strip()

    assert said() == "", "its own changes, and its JWK's, are no others"
    other = save("other")
    assert "Save and Deploy brings 1 other change of test that waits" in said()
    entry = EntryGiven(("elsewhere",), "other", Paste("BASE64PEM", Authority("Elsewhere").pem))
    certificates.update(LOCAL, other.name, if_match="*", entries=[entry])
    assert "elsewhere" not in said(), "nothing of this draft is for that environment"
    form.post(f"rows/e{models.Environment.objects.get(name='test').pk}/remove/")
    assert "Save and Deploy brings 1 other change of test that waits" in said()


def test_a_form_without_changes_deploys_what_waits_and_says_what_else(form: Form) -> None:
    """The page afterwards shows the table *Deployment*, also where there is nothing left to deploy."""
    save("other")
    stored = models.Certificate.objects.get(name="acme")
    for said in ("1 other change of test that waits", ""):
        opened = form.person.post(f"/certificates/{stored.pk}/edit/")["Location"]
        besides = form.person.get(f"{opened}besides/", **HTMX).content.decode().strip()
        assert said in besides
        assert bool(said) is bool(besides)
        answer = form.person.post(f"{opened}save/", {"name": "acme", "description": "before", "deploy": "yes"})
        assert ">Deployment<" in form.person.get(answer["Location"]).content.decode()
        assert models.Release.objects.count() == 1
    assert certificates.certificate_json(stored)["entries"][0]["in_force"]


def test_what_is_missing_in_the_window_is_said_once_and_at_its_control(form: Form) -> None:
    tick, name_it = "Tick at least one environment.", "The alias is missing."
    form.post("window/", name="acme", description="")
    nothing = form.post("window/apply/", source="file", alias="")
    assert nothing.count(tick) == 1
    assert nothing.count("Select a file first.") == 1
    assert nothing.count('role="alert"') == 3
    assert 'role="alert"' not in form.post("window/keep/", alias=" "), "while one types nothing is shouted"
    pasted = {"source": "paste", "encoding": "BASE64PEM", "content": Authority("Paste CA").pem}
    no_place = form.post("window/apply/", alias="acme", **pasted)
    assert re.findall(r'role="alert"[^>]*>([^<]*)<', no_place) == [tick]
    environments.create(LOCAL, name="production", type="production")
    no_alias = form.post("window/apply/", environments="production", alias="", **pasted)
    assert re.findall(r'role="alert"[^>]*>([^<]*)<', no_alias) == [name_it]
    assert no_alias.count(name_it) == 1
    assert tick not in no_alias


def test_an_alias_that_is_taken_in_two_environments_is_said_of_both(form: Form) -> None:
    pasted = {"source": "paste", "encoding": "BASE64PEM", "content": Authority("Two CA").pem}
    places = ["production", "stage"]
    taken = "The alias held is taken in {0} by the certificate holds-{0}; case does not count."
    for name in places:
        environments.create(LOCAL, name=name)
        entry = EntryGiven((name,), "held", Paste("BASE64PEM", Authority(name).pem))
        certificates.create(LOCAL, [Definition(f"holds-{name}", "", [entry])])
    form.post("window/", name="acme", description="")
    said = form.post("window/apply/", environments=places, alias="HELD", **pasted)
    assert re.findall(r'id="alias-problem" role="alert"[^>]*>([^<]*)<', said) == [" ".join(map(taken.format, places))]
    form.post("window/apply/", environments=places, alias="free", **pasted)
    form.post("window/", name="acme", description="")
    models.Environment.objects.create(name="gone", name_key="gone")
    form.post("window/keep/", environments=[*places, "gone"])
    models.Environment.objects.filter(name="gone").delete()
    twice = form.post("window/apply/", environments=[*places, "gone"], alias="more", **pasted)
    [problems] = re.findall(r'id="environments-problem" role="alert"[^>]*>([^<]*)<', twice)
    assert [word in problems for word in ("for production already", "for stage already", "named gone")] == [True] * 3


def test_an_alias_is_checked_in_many_environments_at_once_while_it_is_typed(form: Form) -> None:
    places = [f"place {number}" for number in range(12)]
    for name in places:
        environments.create(LOCAL, name=name)
    form.post("window/", name="acme", description="")
    asked = []
    for ticked in (places[:2], places):
        with CaptureQueriesContext(connection) as queries:
            form.post("window/keep/", environments=ticked, alias=f"alias {len(ticked)}")
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_the_certificates_of_a_source_are_kept_at_once_however_many_it_holds(form: Form) -> None:
    places, asked = [f"place {number}" for number in range(6)], []
    for name in places:
        environments.create(LOCAL, name=name)
    for at, count in enumerate((2, 12)):
        pem = "".join(Authority(f"CA {count} {number}").pem for number in range(count))
        pasted = {"source": "paste", "encoding": "BASE64PEM", "content": pem + Authority("CA").issue("leaf").pem}
        form.post("window/", name="acme", description="")
        with CaptureQueriesContext(connection) as queries:
            said = form.post("window/apply/", environments=places[at * 3 : at * 3 + 3], alias=f"leaf {at}", **pasted)
        assert 'role="alert"' not in said
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_a_jwk_that_went_while_its_dialog_was_open_leaves_nothing_to_decide(form: Form) -> None:
    """D-05."""
    asked = form.save("mine")
    chosen = form.post("save/", state=state(asked), action="update")
    jwks.delete(LOCAL, "acme-key", if_match="*")
    form.post("save/", state=state(chosen), confirm="acme")
    assert models.Certificate.objects.get().description == "mine"


def test_a_jwk_without_a_fit_is_still_asked_about_as_an_update_that_is_not_to_be_had() -> None:
    """D-04, D-27: its options are those of an update without the update; a removal comes in the next dialog."""
    stuck = {"name": "stuck", "environment": "test", "options": ["disconnect"]}
    fits = {"name": "fits", "environment": "test", "options": ["update", "disconnect"]}
    goes = {"name": "goes", "environment": "production", "options": ["delete", "disconnect"]}
    question = Question("acme", "/", [goes, stuck, fits], "")
    assert question.open_group() == [stuck, fits]
    question.answer("disconnect")
    assert question.open_group() == [goes]
    shown = ask(RequestFactory().get("/"), Question("acme", "/", [{**stuck, "problem": "It has no JWK."}], ""))
    assert "Update certificate only and disconnect" in shown.content.decode()
    assert 'value="update"' not in shown.content.decode()
    assert 'aria-disabled="true" aria-describedby="blocked"' in shown.content.decode()
    assert "stuck cannot be updated with the new key, so it can only be disconnected." in shown.content.decode()
    both = [{**stuck, "problem": "It has no JWK."}, {**fits, "problem": None}]
    two = ask(RequestFactory().get("/"), Question("acme", "/", both, ""))
    assert "stuck cannot be updated with the new key, so all 2 JWKs can only be disconnected." in two.content.decode()


def test_apply_takes_nothing_that_the_window_does_not_show(form: Form) -> None:
    """S-15: where a look or its answer was lost on the way, what was read before is not of the source on show."""
    form.post("window/", name="acme", description="", row=f"e{models.Environment.objects.get().pk}")
    pasted = {"source": "paste", "encoding": "BASE64PEM", "content": Authority("Shown CA").pem, "alias": "acme"}
    seen = form.post("window/look/paste/", **pasted)
    [shown] = re.findall(r'name="shown" value="([0-9a-f]{64})"', seen)
    late = form.post("window/apply/", shown="0" * 64, **pasted)
    assert "Look at Content, then press Apply again." in late
    assert f'value="{shown}"' in late
    lost = form.post("window/apply/", shown="", source="file", alias="acme")
    assert "Select a file first." in lost
    assert 'name="shown" value=""' in lost
    assert form.post("window/apply/", shown=shown, source="file", alias="acme").count("Select a file first.") == 1


def forgotten(form: Form) -> str:
    """An hour later; the certificate that the window shows after a reload."""
    models.Inspection.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    return re.findall(r'name="shown" value="([^"]*)"', form.person.get(form.address).content.decode())[0]


def test_a_text_that_was_read_long_ago_is_read_again_by_apply(form: Form) -> None:
    """The text is there; only what was read of it is kept for an hour."""
    form.post("window/", name="acme", description="", row=f"e{models.Environment.objects.get().pk}")
    pasted = {"source": "paste", "encoding": "BASE64PEM", "content": Authority("Late CA").pem, "alias": "acme"}
    [shown] = re.findall(r'name="shown" value="([0-9a-f]{64})"', form.post("window/look/paste/", **pasted))
    assert forgotten(form) == ""
    assert "Configuration" in form.post("window/apply/", shown=shown, **pasted)
    [row] = models.Draft.objects.get().content["rows"]
    assert row["sha256"] == shown


def test_a_file_that_was_read_long_ago_is_asked_for_and_the_row_s_own_certificate_does_not_take_its_place(
    form: Form,
) -> None:
    form.post("window/", name="acme", description="", row=f"e{models.Environment.objects.get().pk}")
    [before] = models.Draft.objects.get().content["rows"]
    file = SimpleUploadedFile("late.pem", Authority("Late CA").pem.encode())
    form.person.post(f"{form.address}window/look/file/", {"file": file}, **HTMX)
    shown = forgotten(form)
    assert shown == ""
    said = form.post("window/apply/", shown=shown, source="file", alias="acme")
    assert "What this source showed was kept for an hour: select the file again." in said
    assert models.Draft.objects.get().content["rows"] == [before]


def test_what_another_address_presented_does_not_come_back_with_the_source(form: Form) -> None:
    """S-10: the address is changed in the same moment as the source."""
    form.post("window/", name="acme", description="")
    draft = models.Draft.objects.get()
    draft.content["window"] |= {"url": "https://one.example", "token": "seen", "choose": "0" * 64}
    draft.save()
    assert form.post("window/keep/", source="file", url="https://one.example")
    said = form.post("window/keep/", source="connection", url="https://two.example")
    assert "The address was changed: press Receive." in said
    assert models.Draft.objects.get().content["window"]["token"] == ""


def test_of_two_looks_under_way_the_one_that_began_last_counts(form: Form) -> None:
    """A slow server answers when another source was chosen long ago."""
    draft = models.Draft.objects.get()
    draft_window.open_new(draft)
    slow = draft_window.begin_look(draft, Connection("https://slow.example"))
    assert draft_window.is_awaited(draft, slow)
    quick = draft_window.begin_look(draft, Paste("BASE64", "AAAA"))
    assert [draft_window.is_awaited(draft, look) for look in (slow, quick)] == [False, True]
    draft_window.close(draft)
    assert not draft_window.is_awaited(draft, quick)


def test_what_was_typed_last_stays_also_where_requests_overtake_each_other(form: Form) -> None:
    """D-20."""
    for sent, name in (
        ("page.1", "a"),
        ("page.3", "abc"),
        ("page.2", "ab"),
        ("next.1", "abcd"),
        ("no number", "abcde"),
        ("page.²", "abcdef"),
    ):
        form.post("define/", name=name, description="", typed=sent)
        said = form.person.get(form.address).content.decode()
        assert f'name="name" value="{"abc" if name == "ab" else name}"' in said
    form.post("window/", name="abcdef", description="")
    form.post("window/keep/", alias="new", typed="next.4")
    form.post("window/keep/", alias="old", typed="next.3")
    assert 'name="alias" value="new"' in form.person.get(form.address).content.decode()


def test_a_row_that_is_not_there_any_more_is_said_so(form: Form) -> None:
    for path in ("window/", "rows/e0/remove/"):
        assert "This row is not in the draft any more." in form.post(path, row="e0", name="acme", description="")


def test_a_window_whose_row_is_removed_without_it_is_closed(form: Form) -> None:
    """In another tab of the form, or where the server did not hear of Cancel: the form is not lost with it."""
    key = f"e{models.Environment.objects.get().pk}"
    form.post("window/", name="acme", description="", row=key)
    assert "No definition yet" in form.post(f"rows/{key}/remove/")
    page = form.person.get(form.address).content.decode()
    assert 'id="certificate-form"' in page
    assert 'id="window"' not in page


@pytest.mark.parametrize("deleted", [False, True])
def test_a_window_on_an_entry_that_another_took_away_goes_on_as_that_of_a_new_one(form: Form, *, deleted: bool) -> None:
    """With what was typed in it; it is open in another tab, or the server did not hear of Cancel."""
    environments.create(LOCAL, name="stage")
    entry = EntryGiven(("stage",), "acme", Paste("BASE64PEM", Authority("Stage CA").pem))
    certificates.update(LOCAL, "acme", if_match="*", entries=[entry])
    stored = models.Certificate.objects.get()
    own = Form(form.person, form.person.post(f"/certificates/{stored.pk}/edit/")["Location"])
    own.post("window/", name="acme", description="", row=f"e{models.Environment.objects.get(name='stage').pk}")
    own.post("window/keep/", alias="typed")
    if deleted:
        jwks.delete(LOCAL, "acme-key", if_match="*")
        certificates.delete(LOCAL, "acme", if_match="*")
    else:
        certificates.update(LOCAL, "acme", if_match="*", entries=[EntryGiven(("test",))], replace=True)
    own.save("mine")
    page = own.person.get(own.address).content.decode()
    assert ">New Certificate Definition</h2>" in page
    assert 'name="alias" value="typed"' in page
    assert 'value="stage" checked' in page


KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----"


def kept() -> str:
    return str(list(models.Draft.objects.values_list("content", flat=True)))


def test_a_draft_keeps_no_private_key_and_the_page_does_not_repeat_it(form: Form) -> None:
    """D-07, D-20."""
    for said in (
        form.post("define/", name="acme", description=KEY),
        form.post("define/", name=KEY, description=""),
        form.save(KEY),
        form.apply(alias=KEY, url=KEY),
    ):
        assert "holds a private key" in said
        assert "MC4CAQ" not in said
    assert "MC4CAQ" not in kept()
    assert models.Certificate.objects.get().description == "before"


@pytest.mark.parametrize(
    ("typed", "stays"),
    [
        ("https://user:hunter2@partner.example/", ""),
        ("user:hunter2@partner.example", ""),
        ("https://user:hunter2", ""),
        ("https://partner.example:84", "https://partner.example:84"),
        ("https://partner.example:8443/a@b", "https://partner.example:8443/a@b"),
        ("partner.exam", "partner.exam"),
    ],
)
def test_a_draft_keeps_an_address_without_a_password_in_it(form: Form, typed: str, stays: str) -> None:
    form.post("window/", name="acme", description="")
    form.post("window/keep/", source="connection", url=typed, alias="x")
    assert "hunter2" not in kept()
    assert models.Draft.objects.get().content["window"]["url"] == stays


def test_a_form_is_its_author_s_alone_and_another_that_is_begun_leaves_it_until_it_is_a_day_old(form: Form) -> None:
    """D-20."""
    other = signed_in(Client(), "other", "operator")
    theirs = other.post("/certificates/create/")["Location"]
    assert other.get(form.address).status_code == 404
    assert other.post(f"{form.address}save/", {"name": "acme", "description": "theirs"}).status_code == 404
    other.post(f"{form.address}discard/")
    assert form.person.get(form.address).status_code == other.get(theirs).status_code == 200
    models.Draft.objects.update(changed_at=timezone.now() - timedelta(days=2))
    latest = other.post("/certificates/create/")["Location"]
    assert other.get(theirs).status_code == form.person.get(form.address).status_code == 404
    assert other.get(latest).status_code == 200
