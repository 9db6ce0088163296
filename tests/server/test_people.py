"""People as the server meets them: sealed secrets, sessions noted once a minute, a sign-in without passwords."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.utils import timezone

from tests.server.serving import PASSWORD, Serving, run
from trustyard import models
from trustyard.actions import sessions, users
from trustyard.actions.actors import LOCAL
from trustyard.server.accounts import SecondFactorAdapter


def test_the_secret_of_a_second_factor_is_sealed_with_the_secret_key(settings: Any) -> None:
    adapter = SecondFactorAdapter()
    sealed = adapter.encrypt("JBSWY3DPEHPK3PXP")
    assert "JBSWY3DP" not in sealed
    assert adapter.decrypt(sealed) == "JBSWY3DPEHPK3PXP"
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another key than it was sealed with"
    unknown = {adapter.decrypt(sealed), adapter.decrypt(sealed)}
    assert len(unknown) == 2, "no code fits what nobody knows, and nothing breaks"
    settings.SECRET_KEY_FALLBACKS = [before]
    assert adapter.decrypt(sealed) == "JBSWY3DPEHPK3PXP", "a key that was rotated still opens it"


@pytest.fixture
def vic(db: None) -> models.User:
    return users.create(LOCAL, "vic", password="a long and quiet night")


def signed_in(user: str = "vic") -> Client:
    browser = Client()
    answer = browser.post("/sign-in/", {"login": user, "password": "a long and quiet night"})
    assert answer.status_code == 302
    return browser


def test_a_session_is_noted_once_a_minute(vic: models.User) -> None:
    browser = signed_in()
    long_ago = timezone.now() - timedelta(hours=1)
    UserSession.objects.update(last_seen_at=long_ago)
    browser.get("/account/")
    assert UserSession.objects.get().last_seen_at > long_ago
    UserSession.objects.update(last_seen_at=long_ago)
    browser.get("/account/")
    assert UserSession.objects.get().last_seen_at == long_ago


def test_what_is_kept_of_sessions_goes_with_them(vic: models.User) -> None:
    first, second = signed_in(), signed_in()
    assert sessions.find(LOCAL, vic).count() == 2
    first.post("/sign-out/")
    assert sessions.find(LOCAL, vic).count() == 1
    assert sessions.forget_ended() in (0, 1)
    assert UserSession.objects.count() == 1
    users.set_password(LOCAL, "vic", "another long and quiet night")
    assert second.get("/account/").status_code == 302
    assert UserSession.objects.count() == 0


def test_without_local_sign_in_no_password_is_looked_at(tmp_path: Path) -> None:
    settings = {
        "OIDC_ISSUER": "http://127.0.0.1:9/realms/none",
        "OIDC_CLIENT_ID": "trustyard",
        "OIDC_CLIENT_SECRET": "not to be seen",
        "OIDC_ROLES": "*=viewer",
        "LOCAL_SIGN_IN": "off",
    }
    with (
        Serving(tmp_path / "data", **settings) as server,
        httpx.Client(base_url=server.url, trust_env=False, timeout=30) as stranger,
    ):
        page = stranger.get("/sign-in/")
        assert "Sign in with OpenID Connect" in page.text
        assert "Password" not in page.text
        token = stranger.cookies["trustyard-csrf"]
        given = {"login": "admin", "password": PASSWORD, "csrfmiddlewaretoken": token}
        refused = stranger.post("/sign-in/", data=given)
        assert (refused.status_code, "Passwords are switched off" in refused.text) == (403, True)
        assert stranger.get("/sign-in/provider/").status_code == 503
        with server.client() as program:
            assert program.get("/api/v1/certificates").status_code == 200, "tokens are no passwords"
        checked = run(server.data_dir, "check", **settings)
        assert "not to be seen" not in checked.stdout
        assert not any("not to be seen" in line for line in server.log)
    # The way back in, where the provider is away for good: the setting, and whoever owns the server.
    with Serving(tmp_path / "data", **{**settings, "LOCAL_SIGN_IN": "on"}) as server:
        assert "Password" in httpx.get(f"{server.url}/sign-in/", trust_env=False, timeout=30).text
