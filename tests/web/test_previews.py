"""The preview page, and Deploy where the policy asks for the environment's name."""

from __future__ import annotations

import pytest
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


def test_a_viewer_sees_the_preview_and_no_deploy(client: Client, place: models.Environment) -> None:
    text = person(client, "viewer").get(f"/environments/{place.pk}/preview/").content.decode()
    assert "may look at previews, not deploy" in text
    assert ">Deploy<" not in text


def test_the_form_keeps_a_policy(client: Client, place: models.Environment) -> None:
    person(client, "admin")
    form = {"etag": place.etag, "type": "production", "root_set": "none", "policy_weak": "block"}
    assert client.post(f"/environments/{place.pk}/", form).status_code == 303
    assert models.Environment.objects.get(pk=place.pk).policy == {"weak": "block"}
    assert "<option selected>block</option>" in client.get(f"/environments/{place.pk}/").content.decode()
