"""A page that is older than the sign-in, and one whose session ended: htmx is answered with the way on."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client

from trustyard.actions import users
from trustyard.actions.actors import LOCAL

from .people import signed_in

pytestmark = pytest.mark.django_db
PAGE = "http://testserver/certificates/drafts/4b4d1ecf-5bfb-4f8e-9b05-77cb6a2f2d7a/?from=list"
BACK = "/certificates/drafts/4b4d1ecf-5bfb-4f8e-9b05-77cb6a2f2d7a/%3Ffrom%3Dlist"


def asks(client: Client, shown: str = PAGE) -> HttpResponse:
    """What htmx sends from that page; the token in it is nobody's."""
    headers = {"HX-Request": "true", "HX-Current-URL": shown, "X-CSRFToken": "a" * 64}
    return client.post("/certificates/create/", headers=headers)


@pytest.fixture
def person() -> Client:
    return signed_in(Client(enforce_csrf_checks=True), "works", "operator")


def test_a_page_from_before_the_sign_in_is_told_so_and_offered_anew(person: Client) -> None:
    answer = asks(person)
    said = answer.content.decode()
    assert answer.status_code == 403
    assert "<html" not in said
    assert answer["HX-Retarget"] == "#notices"
    assert "You signed in again since this page was opened" in said
    there = PAGE.removeprefix("http://testserver")
    assert f'href="{there}"' in said
    assert "Load the page again" in said
    whole = person.post("/certificates/create/")
    page = whole.content.decode()
    assert whole.status_code == 403
    assert "<html" in page, "a form without htmx has a page for it"
    assert "<h1>Not taken</h1>" in page
    assert "Nothing was changed. Go back, reload the page, and send it again." in page


@pytest.mark.parametrize("address", ["/sign-out/", "/certificates/create/"])
@pytest.mark.parametrize("signed_in", [True, False])
def test_the_address_of_a_button_says_so_in_our_own_layout(person: Client, signed_in: bool, address: str) -> None:
    answer = (person if signed_in else Client()).get(address)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    said = answer.content.decode()
    assert "<h1>Method not allowed</h1><p>This address takes POST, and no GET." in said
    assert 'href="/"' in said
    assert ("Sign out" in said) is signed_in


@pytest.mark.parametrize("checks", [True, False])
def test_who_signs_in_again_comes_back_to_the_page_that_asked(checks: bool) -> None:
    stranger = Client(enforce_csrf_checks=checks)
    answer = asks(stranger)
    assert answer.content == b""
    assert answer["HX-Redirect"] == f"/sign-in/?not_taken=yes&next={BACK}"
    assert "what you sent was not taken" in stranger.get(answer["HX-Redirect"]).content.decode()
    looks = stranger.get("/certificates/", headers={"HX-Request": "true", "HX-Current-URL": PAGE})
    assert looks["HX-Redirect"] == f"/sign-in/?next={BACK}", "who only looks sent nothing"


@pytest.mark.parametrize(
    "shown", ["https://elsewhere.example/x/", "http://testserver//elsewhere.example/", "", "none", "http://["]
)
def test_only_a_page_of_this_host_is_come_back_to(client: Client, shown: str) -> None:
    assert asks(client, shown)["HX-Redirect"] == "/sign-in/?not_taken=yes&next=/"


def test_who_sent_a_form_after_the_session_ended_is_told_and_comes_back_to_it() -> None:
    stranger = Client(enforce_csrf_checks=True)
    stranger.get("/sign-in/")
    sent = {"name": "typed", "csrfmiddlewaretoken": stranger.cookies["trustyard-csrf"].value}
    answer = stranger.post("/jwks/create/", sent, headers={"Referer": "http://testserver/jwks/create/?from=list"})
    assert answer.status_code == 302
    page = stranger.get(answer["Location"]).content.decode()
    assert "what you sent was not taken" in page
    assert 'name="next" value="/jwks/create/?from=list"' in page
    users.create(LOCAL, "works", password="a long and quiet night", role="operator")
    given = {**sent, "login": "works"}
    again = stranger.post(answer["Location"], {**given, "password": "wrong", "next": "/jwks/create/?from=list"})
    assert "what you sent was not taken" not in again.content.decode()
    taken = stranger.post(answer["Location"], {**given, "password": "a long and quiet night", "next": "/jwks/create/"})
    assert (taken.status_code, taken["Location"]) == (302, "/jwks/create/")


def test_another_host_is_not_come_back_to(client: Client) -> None:
    answer = client.post("/jwks/create/", headers={"Referer": "https://elsewhere.example/jwks/create/"})
    assert answer["Location"] == "/sign-in/?not_taken=yes&next=/"
