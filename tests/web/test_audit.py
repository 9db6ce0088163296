"""The audit page: events, and what else one request did."""

from __future__ import annotations

import contextvars
import re

import pytest
from django.test import Client
from django.utils import timezone

from trustyard import models
from trustyard.actions import audit, counting, requests
from trustyard.actions.actors import LOCAL
from trustyard.web import pages

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


def test_an_event_leads_to_the_others_of_its_actor_action_and_object(client: Client) -> None:
    """Within the filters that are there already; they compare whole words, and an empty list says so."""
    signed_in(client, "looks", "viewer")
    for name in ("ida", "otto"):
        audit.record(LOCAL, "user.create", "user", name)
    page = client.get("/audit/", {"action": "user.create", "page": "1"}).content.decode()
    assert 'href="?action=user.create&amp;object=ida"' in page
    assert 'href="?action=user.create&amp;actor=command+line"' in page
    found = client.get("/audit/", {"object": "ida"}).content.decode()
    assert (">ida<" in found, ">otto<" in found) == (True, False)
    assert "compared whole: give the full name" in client.get("/audit/", {"object": "id"}).content.decode()


def test_a_day_that_is_none_says_so_instead_of_showing_other_events(client: Client) -> None:
    signed_in(client, "looks", "viewer")
    within("request", "ida")
    answer = client.get("/audit/", {"since": "31.01.2027"})
    assert (answer.status_code, b"A day is written as 2027-01-31." in answer.content) == (422, True)
    assert b">ida<" in client.get("/audit/", {"since": "2000-01-31", "until": "9999-12-31"}).content


BEYOND = "; a search or a filter leads to those beyond the last page"


@pytest.mark.parametrize(
    ("events", "most_pages", "foot"),
    [
        (50, 2, ["1–50 of 50"]),
        (51, 2, ["1–50 of 51", "Page 1 of 2"]),
        (100, 2, ["1–50 of 100", "Page 1 of 2"]),
        (101, 2, [f"1–50 of more than 100{BEYOND}", "Page 1 of 2"]),
        (100, 1, [f"1–50 of 100{BEYOND}"]),
    ],
)
def test_a_list_says_how_many_rows_it_has_and_which_of_them_no_page_shows(
    client: Client, monkeypatch: pytest.MonkeyPatch, events: int, most_pages: int, foot: list[str]
) -> None:
    """A filtered one is counted up to a limit, here of 100."""
    monkeypatch.setattr(counting, "MOST", 100)
    monkeypatch.setattr(pages, "MOST_PAGES", most_pages)
    models.AuditEvent.objects.bulk_create(
        models.AuditEvent(at=timezone.now(), action="user.create", prev_hash=f"{number - 1}", hash=f"{number}")
        for number in range(events)
    )
    signed_in(client, "looks", "viewer")
    said = client.get("/audit/", {"action": "user.create"}).content.decode()
    assert re.findall(r"<span[^>]*>(\d+–\d+ of .+?|Page .+?)</span>", said) == foot
