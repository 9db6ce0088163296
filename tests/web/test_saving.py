"""What Save says, and what becomes of the form of what another deleted or revoked meanwhile."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import certificates, environments, releases
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.sources import Paste

from .people import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(client: Client) -> Client:
    """Somebody in front of the certificate acme, which is in force in test."""
    environments.create(LOCAL, name="test")
    source = Paste("BASE64PEM", Ca.new("Acme").cert_pem.decode())
    definition = Definition("acme", "", [EntryGiven(("test",), "acme", source)])
    certificates.create(LOCAL, [definition], deploy=True)
    return signed_in(client, "olga", "operator")


def opened(person: Client) -> str:
    """The address of a draft of it."""
    return str(person.post(f"/certificates/{models.Certificate.objects.get().pk}/edit/")["Location"])


def saved(person: Client, draft: str, **typed: str) -> str:
    """The page after Save."""
    answer = person.post(f"{draft}save/", {"name": "acme", "description": "", **typed})
    return person.get(answer["Location"]).content.decode()


def test_save_says_that_something_waits_where_something_does(person: Client) -> None:
    assert "acme is saved." in saved(person, opened(person), description="told by no release")
    assert "another is saved and not deployed yet." in saved(person, opened(person), name="another")


def test_save_and_deploy_says_that_what_was_saved_is_not_in_force_but_for_what_was_revoked(person: Client) -> None:
    """Nobody opens a list to learn that nothing came of it (S-17)."""
    old = Ca.new("CA").issue("old", start=datetime.now(UTC) - timedelta(days=9), days=2).cert_pem.decode()
    environments.create(LOCAL, name="other")
    entries = [EntryGiven(("other",), "acme", Paste("BASE64PEM", old))]
    certificates.update(LOCAL, "acme", if_match="*", entries=entries)
    certificates.revoke(LOCAL, "acme", "test", reason="lost")
    page = saved(person, opened(person), name="renamed", deploy="yes")
    assert 'In other, acme is left out: Expired on <time datetime="' in page
    assert "In test, acme is left out" not in page


def test_a_revocation_out_of_the_form_leaves_it_as_it_is_and_hides_nobody_else_s_change(person: Client) -> None:
    def revoked(draft: str, verb: str) -> None:
        [row] = models.Draft.objects.get(pk=draft.split("/")[-2]).content["rows"]
        assert person.post(f"{draft}rows/{row['key']}/{verb}/", {"reason": "lost"}).status_code == 200

    draft = opened(person)
    revoked(draft, "revoke")
    assert "renamed is saved" in saved(person, draft, name="renamed")
    draft = opened(person)
    certificates.update(LOCAL, "renamed", if_match="*", description="by another")
    revoked(draft, "restore")
    assert person.post(f"{draft}save/", {"name": "mine", "description": ""}).status_code == 412


def test_a_name_that_is_taken_stays_named_as_such_when_a_row_goes(person: Client) -> None:
    draft = opened(person)
    [key] = models.Draft.objects.get().content["rows"]
    assert 'id="name-problem"' not in person.post(f"{draft}rows/{key['key']}/remove/").content.decode()


def test_the_roots_of_a_first_release_are_no_changes_that_somebody_made(person: Client) -> None:
    environments.create(LOCAL, name="new", root_set=Ca.new("Root").cert_pem)
    asked = {"kind": "jwk", "environments": "new"}

    def said() -> str:
        return person.get("/jwks/besides/", asked).content.decode()

    roots = "the 1 root of the root set, for this is the first release of new: <a"
    assert f"<p>Save and Deploy brings {roots}" in said()
    source = Paste("BASE64PEM", Ca.new("Other").cert_pem.decode())
    certificates.create(LOCAL, [Definition("other", "", [EntryGiven(("new",), "other", source)])])
    assert f"<p>Save and Deploy brings 1 other change of new that waits, and {roots}" in said()
    releases.deploy(LOCAL, "new")
    environments.update(LOCAL, "new", if_match="*", root_set="none")
    assert "brings 1 other change of new that waits: <a" in said()


def test_the_form_of_what_another_deleted_becomes_that_of_a_new_certificate(person: Client) -> None:
    draft = opened(person)
    certificates.delete(replace(LOCAL, name="somebody"), "acme", if_match="*")
    page = saved(person, draft, description="typed")
    assert "somebody deleted the certificate acme just now, and nothing was saved." in page
    assert "<h1>Create Certificate</h1>" in page
    assert ">typed</textarea>" in page
    assert "No definition yet" in page, "nobody took it in again"


def test_who_revokes_or_saves_what_another_deleted_is_told_who(person: Client) -> None:
    draft = opened(person)
    [row] = models.Draft.objects.get().content["rows"]
    certificates.update(LOCAL, "acme", if_match="*", new_name="renamed")
    certificates.delete(replace(LOCAL, name="somebody"), "renamed", if_match="*")
    there = f"{draft}rows/{row['key']}/revoke/"
    assert (
        "somebody deleted the certificate acme just now, and with it this entry." in person.get(there).content.decode()
    )
    models.AuditEvent.objects.all().delete()
    assert "Somebody deleted this certificate meanwhile, and nothing was saved." in saved(person, draft)


def replaced() -> str:
    """Somebody else gives the entry a renewed certificate; its SHA-256."""
    renewed = Ca.new("Acme")
    source = Paste("BASE64PEM", renewed.cert_pem.decode())
    certificates.update(LOCAL, "acme", if_match="*", entries=[EntryGiven(("test",), None, source)], deploy=True)
    return renewed.sha256


def test_who_revokes_what_another_replaced_meanwhile_is_asked_about_what_is_stored_by_then(person: Client) -> None:
    draft = opened(person)
    [row] = models.Draft.objects.get().content["rows"]
    there = f"{draft}rows/{row['key']}/revoke/"
    meanwhile = "another certificate meanwhile"

    def shown(page: str) -> str:
        return re.findall(r'name="shown" value="([0-9a-f]{64})"', page)[0]

    before = person.get(there).content.decode()
    assert meanwhile not in before
    renewed = replaced()
    asked = person.post(there, {"reason": "key lost", "shown": shown(before)}).content.decode()
    for page in (asked, person.get(there).content.decode()):  # the form shows the one of before still
        assert meanwhile in page
        assert shown(page) == renewed
    assert ">key lost</textarea>" in asked
    assert models.Entry.objects.get().revoked_at is None
    person.post(there, {"reason": "key lost", "shown": shown(asked)})
    assert models.Entry.objects.get().revoked_reason == "key lost"


def test_restore_trusts_no_other_certificate_than_the_form_shows(person: Client) -> None:
    certificates.revoke(LOCAL, "acme", "test", reason="lost")
    draft = opened(person)
    [row] = models.Draft.objects.get().content["rows"]
    replaced()
    certificates.revoke(LOCAL, "acme", "test", reason="stolen")
    page = person.post(f"{draft}rows/{row['key']}/restore/").content.decode()
    assert "another certificate meanwhile" in page
    assert models.Entry.objects.get().revoked_reason == "stolen"


def test_a_reason_that_is_refused_stays_in_its_box(person: Client) -> None:
    draft = opened(person)
    [row] = models.Draft.objects.get().content["rows"]
    reason = "key lost, " * 500
    page = person.post(f"{draft}rows/{row['key']}/revoke/", {"reason": reason}).content.decode()
    assert "A reason is text of at most 4000 characters." in page
    assert f">{reason}</textarea>" in page
    assert models.Entry.objects.get().revoked_at is None


def test_who_revokes_what_another_revoked_meanwhile_is_told_who_and_why(person: Client) -> None:
    draft = opened(person)
    [row] = models.Draft.objects.get().content["rows"]
    there = f"{draft}rows/{row['key']}/revoke/"
    assert "What goes, in force at once" in person.get(there).content.decode()
    certificates.revoke(replace(LOCAL, name="somebody"), "acme", "test", reason="key lost")
    for answer in (person.get(there), person.post(there, {"reason": "another"})):
        page = answer.content.decode()
        assert "somebody revoked acme in test already" in page
        assert "key lost" in page
        assert "Confirm" not in page
    assert models.Entry.objects.get().revoked_reason == "key lost"
