"""The preview page, and Deploy where the policy asks for the environment's name."""

from __future__ import annotations

import re

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.http import HttpResponse
from django.test import Client

from tests.authority import Authority
from trustyard import models
from trustyard.actions import certificates, environments, gateways
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.sources import Paste

from .people import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> models.Environment:
    """A production whose newest release holds a certificate that is deleted, and whose gateway reads files."""
    row = environments.create(LOCAL, name="production", type="production")
    gateways.create(LOCAL, "production", name="reports", kind="files")
    source = Paste("BASE64PEM", Authority("Partner CA").pem)
    certificates.create(LOCAL, [Definition("partner", "", [EntryGiven(("production",), "p", source)])], deploy=True)
    certificates.delete(LOCAL, "partner", if_match="*", deploy=False)
    return row


def person(client: Client, role: str) -> Client:
    return signed_in(client, role, role)


def test_the_preview_shows_what_goes_and_wants_the_name_typed(client: Client, place: models.Environment) -> None:
    text = person(client, "operator").get(f"/environments/{place.pk}/preview/").content.decode()
    assert "Beside release 1" in text
    assert "removed" in text
    assert "Name of the environment" in text


def test_deploy_without_the_name_writes_nothing_and_with_it_makes_the_release(
    client: Client, place: models.Environment
) -> None:
    person(client, "operator")
    address = f"/environments/{place.pk}/deploy/"
    asked = client.post(address, headers={"HX-Request": "true"})
    assert asked["HX-Redirect"] == f"/environments/{place.pk}/preview/"
    wrong = client.post(address, {"name": "Production"}).content.decode()
    assert "This is not the name production." in wrong
    assert models.Release.objects.count() == 1
    assert client.post(address, {"name": "production"}).status_code == 303
    assert models.Release.objects.count() == 2


def test_deploy_puts_in_force_what_the_preview_showed_and_nothing_that_was_saved_since(
    client: Client, place: models.Environment
) -> None:
    """Neither what came nor, with the name typed for another one, what goes."""
    person(client, "operator")

    def deploy(page: str, **typed: str) -> HttpResponse:
        [version] = re.findall('name="version" value="([0-9a-f]{32})"', page)
        return client.post(f"/environments/{place.pk}/deploy/", {"version": version, **typed}, headers=htmx)

    page, htmx = client.get(f"/environments/{place.pk}/preview/").content.decode(), {"HX-Request": "true"}
    source = Paste("BASE64PEM", Authority("Late CA").pem)
    certificates.create(LOCAL, [Definition("late", "", [EntryGiven(("production",), "late", source)])])
    for typed in ({}, {"name": "wrong"}, {"name": "production"}):
        answer = deploy(page, **typed)
        assert answer["HX-Retarget"] == "body"
        again = answer.content.decode()
        assert "What is saved is not what it was when this was shown." in again
        assert ">late</" in again
    assert models.Release.objects.count() == 1
    assert "This is not the name production." in deploy(again, name="wrong").content.decode()
    assert deploy(again, name="production")["HX-Redirect"]
    assert models.Release.objects.count() == 2


def test_a_deploy_warns_of_what_is_wrong_with_the_certificates_that_it_brings(
    client: Client, place: models.Environment
) -> None:
    for name in (f"weak-{at}" for at in range(7)):
        source = Paste("BASE64PEM", Authority("CA").issue(name, rsa.generate_private_key(65537, 1024)).pem)
        certificates.create(LOCAL, [Definition(name, "", [EntryGiven(("production",), name, source)])])
    person(client, "operator")
    done = client.post(f"/environments/{place.pk}/deploy/", {"name": "production"})
    page = client.get(done["Location"]).content.decode()
    told = page[page.index('id="notices"') :]
    assert "In production, weak-0: Its RSA key has 1024 bits; less than 2048 is too weak." in told
    assert "weak-4: " in told
    assert "weak-5: " not in told
    assert "2 more findings of this kind: see the certificates." in told


def test_a_promotion_without_a_deploy_warns_of_what_is_wrong_with_what_it_takes(
    client: Client, place: models.Environment
) -> None:
    source = Paste("BASE64PEM", Authority("CA").issue("weak", rsa.generate_private_key(65537, 1024)).pem)
    certificates.create(LOCAL, [Definition("weak", "", [EntryGiven(("production",), "weak", source)])])
    environments.create(LOCAL, name="other")
    there = "/environments/promote/?from=production&to=other"
    [version] = re.findall('name="version" value="([^"]+)"', person(client, "operator").get(there).content.decode())
    done = client.post(there, {"rows": "weak", "certificate": "weak", "version": version})
    page = client.get(done["Location"]).content.decode()
    assert "In other, weak: Its RSA key has 1024 bits; less than 2048 is too weak." in page


def test_a_viewer_sees_the_preview_and_no_deploy(client: Client, place: models.Environment) -> None:
    text = person(client, "viewer").get(f"/environments/{place.pk}/preview/").content.decode()
    assert "may look at previews, not deploy" in text
    assert ">Deploy<" not in text


def test_what_several_gateways_will_not_honour_is_said_once(client: Client, place: models.Environment) -> None:
    """D-18: with the gateways that it is about; all of them are counted, not named."""
    source = Paste("BASE64PEM", Authority("Somebody").issue("pinned").pem)
    certificates.create(LOCAL, [Definition("pinned", "", [EntryGiven(("production",), "pinned", source)])])
    address = f"/environments/{place.pk}/preview/"
    person(client, "viewer")
    sentence = "HAProxy and nginx do not trust pinned: it is not a CA, and somebody else issued it."
    assert f'{sentence} <small class="soft">For reports.</small>' in client.get(address).content.decode()
    gateways.create(LOCAL, "production", name="java", kind="agent")
    said = client.get(address).content.decode()
    assert said.count(sentence) == 1
    assert f'{sentence} <small class="soft">For all 2 gateways.</small>' in said
    gateways.create(LOCAL, "production", name="edge", kind="envoy", options={})
    said = client.get(address).content.decode()
    assert f'{sentence} <small class="soft">For java and reports.</small>' in said
    assert "To know" in said
    certificates.delete(LOCAL, "pinned", if_match="*", deploy=False)
    assert "To know" not in client.get(address).content.decode()


def test_the_form_keeps_a_policy(client: Client, place: models.Environment) -> None:
    person(client, "admin")
    form = {"etag": place.etag, "type": "production", "root_set": "none", "policy_weak": "block"}
    assert client.post(f"/environments/{place.pk}/", form).status_code == 303
    assert models.Environment.objects.get(pk=place.pk).policy == {"weak": "block"}
    assert "<option selected>block</option>" in client.get(f"/environments/{place.pk}/").content.decode()
