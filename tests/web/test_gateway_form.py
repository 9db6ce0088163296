"""The form of a gateway: its controls are those of the kind that is chosen."""

from __future__ import annotations

import pytest
from django.test import Client

from trustyard import models
from trustyard.actions import environments
from trustyard.actions.actors import LOCAL

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    environments.create(LOCAL, name="test")
    client.force_login(
        models.User.objects.create(username="operates", role="operator"),
        backend="allauth.account.auth_backends.AuthenticationBackend",
    )
    return client


def typed(**given: str) -> dict[str, str]:
    """What the form sends."""
    return {"environment": "test", "name": "edge", **given}


@pytest.mark.parametrize(("kind", "label"), [("files", "Directory"), ("envoy", "Issuers"), ("haproxy", "Runtime API")])
def test_choosing_a_kind_shows_its_options(operator: Client, kind: str, label: str) -> None:
    page = operator.get("/gateways/create/", {"kind": kind}, headers={"HX-Request": "true"}).content.decode()
    assert f">{label}</label>" in page
    assert "<html" not in page


def test_what_is_wrong_stands_at_its_control_and_nothing_typed_is_lost(operator: Client) -> None:
    page = operator.post("/gateways/create/", typed(kind="haproxy", socket="192.0.2.1:9999", ca_file="/srv/c.pem"))
    text = page.content.decode()
    assert 'value="192.0.2.1:9999"' in text
    assert "start the server with TRUSTYARD_FILES_ROOTS" in text
    assert not models.Gateway.objects.exists()


def test_a_missing_option_is_named(operator: Client) -> None:
    text = operator.post("/gateways/create/", typed(kind="haproxy", socket="127.0.0.1:9999")).content.decode()
    assert "Field required" in text


def test_a_list_is_typed_as_json_and_comes_back_for_editing(operator: Client) -> None:
    issuers = '[{"issuer": "https://idp.example", "prefix": "/"}]'
    assert operator.post("/gateways/create/", typed(kind="envoy", issuers=issuers)).status_code == 303
    row = models.Gateway.objects.get()
    assert row.options["issuers"][0]["issuer"] == "https://idp.example"
    assert "https://idp.example" in operator.get(f"/gateways/{row.pk}/edit/").content.decode()
    broken = operator.post(f"/gateways/{row.pk}/edit/", {"etag": row.etag, "issuers": "[{"}).content.decode()
    assert "this is not readable JSON" in broken
    assert "[{" in broken
