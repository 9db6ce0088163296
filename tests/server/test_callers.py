"""Who sends a large body, asked before it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from trustyard import models
from trustyard.actions import tokens, users
from trustyard.actions.actors import LOCAL
from trustyard.server.callers import Callers

pytestmark = pytest.mark.django_db(transaction=True)
Ask = Callable[..., str]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Who it is, by these headers."""
    callers = Callers()

    def asked(path: str = "/api/v1/certificates", **headers: str) -> str:
        given = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope: dict[str, Any] = {"path": path, "headers": given}
        return asyncio.run(callers(scope))

    yield asked
    callers.close()


@pytest.fixture
def vic(transactional_db: None) -> models.User:
    return users.create(LOCAL, "vic", password="a long and quiet night")


def cookie(user: models.User) -> str:
    """What the browser of somebody who is signed in sends."""
    browser = Client()
    browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    name = settings.SESSION_COOKIE_NAME
    return f"other=1; {name}={browser.cookies[name].value}"


def test_who_gives_nothing_is_nobody(ask: Ask, transactional_db: None) -> None:
    assert [ask(), ask(cookie="other=1"), ask(cookie=f"{settings.SESSION_COOKIE_NAME}=nobody")] == ["", "", ""]


def test_a_token_is_known_until_it_ends(ask: Ask, transactional_db: None) -> None:
    _, secret = tokens.create(LOCAL, "robot", role="viewer", expires="1d")
    assert [ask(authorization=given) for given in (f"Bearer {secret}", f" bearer  {secret} ")] == ["token:robot"] * 2
    for given in (secret, f"Basic {secret}", f"Bearer {secret}x", "Bearer", "Bearer "):
        assert ask(authorization=given) == "", given
    models.Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert ask(authorization=f"Bearer {secret}") == ""


def test_a_session_is_known_unless_a_header_says_otherwise(ask: Ask, vic: models.User) -> None:
    own, known = cookie(vic), f"user:{vic.pk}"
    assert ask(cookie=own) == known
    assert ask(cookie=own, authorization="Bearer ty_nobody") == "", "as the API has it"
    assert ask("/trust-check/", cookie=own, authorization="Basic dmljOng=") == known, "a proxy asks for a password"
    models.User.objects.update(is_active=False)
    assert ask(cookie=own) == ""


def test_a_session_ends_with_the_password_and_not_with_the_secret_key_that_was_rotated(
    ask: Ask, vic: models.User, settings: Any
) -> None:
    own = cookie(vic)
    before = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a new one, which signs nothing else", [before]
    assert ask(cookie=own) == f"user:{vic.pk}"
    settings.SECRET_KEY_FALLBACKS = []
    assert ask(cookie=own) == ""
    settings.SECRET_KEY = before
    vic.set_password("another long and quiet night")
    vic.save()
    assert ask(cookie=own) == ""
