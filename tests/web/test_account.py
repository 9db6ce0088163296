"""One's own account: whoever sits at an open session tries no passwords without end."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory

from trustyard import models
from trustyard.actions import users
from trustyard.actions.actors import LOCAL
from trustyard.web.views.second_factors import key_possible

from .people import sign_in

pytestmark = pytest.mark.django_db
PASSWORD = "a long and quiet night"
ANOTHER = "another long and quiet night"


@pytest.fixture
def vic(client: Client) -> Client:
    """Vic in front of the console."""
    return sign_in(client, users.create(LOCAL, "vic", password=PASSWORD))


def change(browser: Client, current: str, new: str = ANOTHER) -> tuple[int, str]:
    answer = browser.post("/account/", {"current": current, "password": new, "again": new})
    return answer.status_code, answer.content.decode()


def test_current_passwords_are_not_tried_without_end(vic: Client) -> None:
    for _ in range(5):
        status, page = change(vic, "a guess")
        assert (status, "The current password is not this one." in page) == (200, True)
    for guess in ("a guess", PASSWORD):
        status, page = change(vic, guess)
        assert (status, "Too many attempts. Wait a few minutes" in page) == (429, True)
    assert models.User.objects.get().check_password(PASSWORD)
    # They count as attempts to sign in with that name do, wherever these come from.
    assert Client().post("/sign-in/", {"login": "vic", "password": PASSWORD}).status_code == 429
    cache.clear()  # minutes later
    assert change(vic, PASSWORD)[0] == 303


def test_what_is_wrong_with_the_new_password_is_no_attempt(vic: Client) -> None:
    for _ in range(7):
        status, page = change(vic, PASSWORD, "short")
        assert (status, "at least 10 characters" in page) == (200, True)
    assert change(vic, PASSWORD)[0] == 303


@pytest.mark.parametrize(
    ("host", "possible"),
    [
        ("localhost", True),
        ("localhost:8400", True),
        ("127.0.0.1", False),
        ("127.0.0.1:8400", False),
        ("[::1]", False),
        ("[::1]:8400", False),
    ],
)
def test_a_security_key_is_offered_at_a_name_and_not_at_an_ip_address(host: str, possible: bool) -> None:
    """Web Authentication, section 5.1.2."""
    assert key_possible(RequestFactory().get("/", HTTP_HOST=host)) is possible
