"""The audit page: events, and what else one request did."""

from __future__ import annotations

import contextvars

import pytest
from django.test import Client

from trustyard.actions import audit, requests
from trustyard.actions.actors import LOCAL

from .people import signed_in

pytestmark = pytest.mark.django_db


def within(request_id: str, *names: str) -> None:
    def request() -> None:
        requests.begin(request_id)
        for name in names:
            audit.record(LOCAL, "user.create", "user", name)

    contextvars.copy_context().run(request)


def test_an_event_leads_to_the_others_of_its_request(client: Client) -> None:
    signed_in(client, "looks", "viewer")
    within("edge/7f3a", "ida", "otto")
    within("other", "emil")
    audit.record(LOCAL, "user.create", "user", "by-nobodys-request")
    page = client.get("/audit/").content.decode()
    assert page.count('href="/audit/?request_id=edge/7f3a"') == 2
    assert page.count("?request_id=") == 3
    found = client.get("/audit/", {"request_id": "edge/7f3a"}).content.decode()
    assert ("ida" in found, "otto" in found, "emil" in found) == (True, True, False)
    assert "No events match" in client.get("/audit/", {"request_id": "unheard-of"}).content.decode()
