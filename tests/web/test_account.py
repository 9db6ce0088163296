"""One's own account: whoever sits at an open session tries no passwords without end."""

from __future__ import annotations

import json
import tracemalloc
from base64 import urlsafe_b64encode

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


def add_key(browser: Client, name: str, credential: str) -> str:
    browser.post("/account/confirm/", {"password": PASSWORD})
    return browser.post("/account/second-factor/key/", {"name": name, "credential": credential}).content.decode()


def of_key(client_data: bytes = b"{}", attestation: bytes = b"") -> str:
    held = {"clientDataJSON": client_data, "attestationObject": attestation}
    response = {name: urlsafe_b64encode(value).decode().rstrip("=") for name, value in held.items()}
    return json.dumps({"id": "YQ", "rawId": "YQ", "type": "public-key", "response": response})


@pytest.mark.parametrize(
    "credential",
    [
        10_000 * "[",
        '{"id": "!", "rawId": "!", "type": "public-key", "response": {}}',
        of_key(b"{}"),
        of_key(b"[]"),
        of_key(b"\xff"),
        of_key(b'{"type": "webauthn.create", "challenge": "", "origin": 5}', b"\xa0"),
        of_key(b'{"type": "webauthn.create", "challenge": "", "origin": ""}', 9_000 * b"\x81"),
    ],
    ids=range(7),
)
def test_what_no_browser_says_of_a_security_key_is_refused_in_words(vic: Client, credential: str) -> None:
    assert "This security key was not accepted. Try again." in add_key(vic, "key", credential)


def test_what_is_too_long_for_a_security_key_is_not_read(vic: Client) -> None:
    """Values of two bytes take fifty times as much when they are read."""
    credential = f"[{'[],' * 1_500_000}1]"
    add_key(vic, "key", "{}")
    tracemalloc.start()
    assert "This security key was not accepted. Try again." in add_key(vic, "key", credential)
    assert tracemalloc.get_traced_memory()[1] < 60_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (1_000 * "n", "The name is longer than 100 characters."),
        ("ke\u202ey", "The name holds a control character."),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "private key"),
    ],
)
def test_a_security_key_is_named_as_everything_else(vic: Client, name: str, words: str) -> None:
    page = add_key(vic, name, of_key())
    assert words in page
    assert name not in page


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
