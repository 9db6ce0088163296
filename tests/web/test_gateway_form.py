"""The form of a gateway: its controls are those of the kind that is chosen."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client

from trustyard import models
from trustyard.actions import environments, gateways
from trustyard.actions.actors import LOCAL

from .people import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    environments.create(LOCAL, name="test")
    return signed_in(client, "operates", "operator")


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


def test_where_the_environment_is_gone_none_is_chosen_in_its_place(operator: Client) -> None:
    """Whoever presses Save again makes the gateway where they chose, and not in the first environment."""
    given = typed(environment="stage", kind="agent")
    for page in (
        operator.get("/gateways/create/?environment=stage"),
        operator.post("/gateways/create/", given),
        operator.post("/gateways/create/", {**given, "anew": "yes"}),
    ):
        text = page.content.decode()
        assert re.findall(r"<option[^>]* selected>([^<]+)</option>", text)[0] == "none chosen"
        assert "stage was deleted, or is not yours to change" in text
    again = operator.post("/gateways/create/", {**given, "environment": ""}).content.decode()
    assert ("Choose an environment." in again, models.Gateway.objects.exists()) == (True, False)
    operator.post("/gateways/create/", {**given, "environment": "test"})
    assert models.Gateway.objects.get().environment.name == "test"


def problems(page: str) -> dict[str, str]:
    """What stands at each control that is at fault."""
    found = re.findall(r'<p class="field-problem" id="p-(\w+)">([^<]+)</p>', page)
    for name, _ in found:
        assert f'aria-describedby="h-{name} p-{name}" aria-invalid="true"' in page
    return dict(found)


def test_each_option_that_is_missing_is_named_at_its_control(operator: Client) -> None:
    page = operator.post("/gateways/create/", typed(kind="haproxy", socket=" ")).content.decode()
    assert problems(page) == {"socket": "Runtime API is missing.", "ca_file": "CA file is missing."}
    assert "<p>Runtime API is missing. CA file is missing.</p>" in page
    one = operator.post("/gateways/create/", typed(kind="haproxy", socket="127.0.0.1:9999")).content.decode()
    assert problems(one) == {"ca_file": "CA file is missing."}
    nameless = operator.post("/gateways/create/", {**typed(kind="haproxy"), "name": ""}).content.decode()
    assert "<p>The name is missing. Runtime API is missing. CA file is missing.</p>" in nameless


def test_what_is_wrong_inside_a_list_says_in_which_entry(operator: Client) -> None:
    probes = '[{"address": "gateway.example:8443"}, {"node": "edge"}, {"address": "nowhere"}]'
    page = operator.post("/gateways/create/", typed(kind="files", probes=probes)).content.decode()
    assert problems(page)["probes"] == (
        "Probes, entry 2: address is missing. "
        "Probes, entry 3, address: An address is HOST:PORT, such as gateway.example:8443."
    )


def test_a_listener_that_is_named_in_two_probes_is_refused_at_the_second(operator: Client) -> None:
    probes = '[{"address": "a.example:1", "node": "n1"}, {"address": "b.example:1"}, {"address": "A.example:1"}]'
    page = operator.post("/gateways/create/", typed(kind="agent", probes=probes)).content.decode()
    assert problems(page)["probes"] == "Probes, entry 3, address: A.example:1 is the address of an earlier probe too."


def test_the_hint_of_an_empty_directory_says_who_has_that_folder(operator: Client) -> None:
    form = operator.get("/gateways/create/", {"kind": "files"}).content.decode()
    hint = "Empty: the environment&#x27;s own folder in the data directory of Trustyard. Only one gateway can have that"
    assert hint in form
    assert "after a first start, in test and production, it is the gateway named files" in form
    gateways.create(LOCAL, "test", name="files", kind="files")
    refused = problems(operator.post("/gateways/create/", typed(kind="files", directory="")).content.decode())
    assert refused["directory"].startswith("The environment&#x27;s own folder is taken by the gateway files of test")


def test_what_was_unticked_stays_so_when_the_form_comes_back(operator: Client) -> None:
    row = gateways.create(LOCAL, "test", name="edge", kind="agent", options={"allow_older": True})
    assert 'value="yes" checked' in operator.get(f"/gateways/{row.pk}/edit/").content.decode()
    page = operator.post(f"/gateways/{row.pk}/edit/", {"etag": row.etag, "probes": "[{"}).content.decode()
    assert problems(page) == {"probes": "Probes: this is not readable JSON."}
    assert 'value="yes" checked' not in page


def test_a_list_is_typed_as_json_and_comes_back_for_editing(operator: Client) -> None:
    issuers = '[{"issuer": "https://idp.example", "prefix": "/"}]'
    assert operator.post("/gateways/create/", typed(kind="envoy", issuers=issuers)).status_code == 303
    row = models.Gateway.objects.get()
    assert row.options["issuers"][0]["issuer"] == "https://idp.example"
    assert "https://idp.example" in operator.get(f"/gateways/{row.pk}/edit/").content.decode()
    for typed_there in ("[{", "[" * 100_000, '[{"issuer": "\\u0000"}]', '[{"issuer": "\\ud800"}]'):
        given = {"etag": row.etag, "issuers": typed_there}
        broken = html.unescape(operator.post(f"/gateways/{row.pk}/edit/", given).content.decode())
        assert "this is not readable JSON" in broken
        assert typed_there in broken


@pytest.mark.parametrize(("kind", "offered"), [("files", False), ("envoy", True), ("agent", True)])
def test_a_token_is_rotated_where_there_is_one(operator: Client, kind: str, offered: bool) -> None:
    row = gateways.create(LOCAL, "test", name="edge", kind=kind)
    assert ("Rotate token" in operator.get(f"/gateways/{row.pk}/").content.decode()) is offered
    answer = operator.post(f"/gateways/{row.pk}/rotate/")
    assert answer.status_code == (303 if offered else 422)
    if not offered:
        assert "which has no token; envoy and agent have." in answer.content.decode()
        assert models.Gateway.objects.get().version == row.version


@pytest.mark.parametrize("kind", ["files", "agent"])
def test_before_the_first_release_the_page_says_how_the_gateway_gets_it(operator: Client, kind: str) -> None:
    row = gateways.create(LOCAL, "test", name="edge", kind=kind, options={})
    page = operator.get(f"/gateways/{row.pk}/").content.decode()
    assert ("No release was delivered yet" in page) == (kind == "files")
    assert ("Start the gateway with its bootstrap" in page) == (kind == "agent")
