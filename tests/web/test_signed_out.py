"""A page that is older than the sign-in, and one whose session ended: htmx is answered with the way on."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client

from trustyard import models

pytestmark = pytest.mark.django_db
PAGE = "http://testserver/certificates/drafts/4b4d1ecf-5bfb-4f8e-9b05-77cb6a2f2d7a/?from=list"
BACK = "/certificates/drafts/4b4d1ecf-5bfb-4f8e-9b05-77cb6a2f2d7a/%3Ffrom%3Dlist"


def asks(client: Client, shown: str = PAGE) -> HttpResponse:
    """What htmx sends from that page; the token in it is nobody's."""
    headers = {"HX-Request": "true", "HX-Current-URL": shown, "X-CSRFToken": "a" * 64}
    return client.post("/certificates/create/", headers=headers)


@pytest.fixture
def person() -> Client:
    client = Client(enforce_csrf_checks=True)
    user = models.User.objects.create(username="works", role="operator")
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


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
    assert "<html" in person.post("/certificates/create/").content.decode(), "a form without htmx has a page for it"


@pytest.mark.parametrize("checks", [True, False])
def test_who_signs_in_again_comes_back_to_the_page_that_asked(checks: bool) -> None:
    stranger = Client(enforce_csrf_checks=checks)
    answer = asks(stranger)
    assert answer.content == b""
    assert answer["HX-Redirect"] == f"/sign-in/?next={BACK}"


@pytest.mark.parametrize("shown", ["https://elsewhere.example/x/", "http://testserver//elsewhere.example/", "", "none"])
def test_only_a_page_of_this_host_is_come_back_to(client: Client, shown: str) -> None:
    assert asks(client, shown)["HX-Redirect"] == "/sign-in/?next=/"
