"""People as the server meets them: sealed secrets, sessions noted once a minute, a sign-in without passwords."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.usersessions.models import UserSession
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.utils import timezone
from structlog.testing import capture_logs

from tests.server.serving import PASSWORD, Serving, eventually, run
from trustyard import models
from trustyard.actions import second_factors, sessions, users
from trustyard.actions.actors import LOCAL
from trustyard.server.accounts import ProviderAdapter, SecondFactorAdapter
from trustyard.server.configuration import Configuration
from trustyard.server.people import SessionsSeen


@pytest.mark.parametrize("nonce", ["another", "\N{LATIN SMALL LETTER E WITH ACUTE}", ""])
def test_an_id_token_with_another_nonce_is_refused(settings: Any, nonce: str) -> None:
    settings.TRUSTYARD = Configuration.from_environment(
        {
            "TRUSTYARD_OIDC_ISSUER": "https://login.example.org",
            "TRUSTYARD_OIDC_CLIENT_ID": "t",
            "TRUSTYARD_OIDC_ROLES": "a=admin",
        }
    )
    login = SimpleNamespace(is_existing=False, claims={}, nonce=nonce, state={"nonce": "the nonce that was sent"})
    with pytest.raises(PermissionDenied, match="nonce"):
        ProviderAdapter().pre_social_login(HttpRequest(), login)


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


def test_a_person_whose_role_changes_stays_signed_in_and_may_at_once_what_it_says(vic: models.User) -> None:
    users.create(LOCAL, "ada", password="a long and quiet night", role="admin")
    browser = signed_in()
    assert browser.get("/users/").status_code == 403
    users.update(LOCAL, "vic", role="admin")
    assert browser.get("/users/").status_code == 200
    users.update(LOCAL, "vic", role="viewer")
    assert browser.get("/users/").status_code == 403
    assert sessions.find(LOCAL, vic).count() == 1


class Crowded(OrderedDict[str, float]):
    """As where many sessions are used at once: another request lets go of the one noted longest ago in that moment."""

    def __setitem__(self, key: str, value: float) -> None:
        super().__setitem__(key, value)
        self.popitem(last=False)


def test_of_very_many_sessions_one_that_is_let_go_while_it_is_noted_costs_nobody_the_page(db: None) -> None:
    seen = SessionsSeen(lambda request: HttpResponse())
    seen._noted = Crowded()
    for key in ("first", "second"):
        OrderedDict.__setitem__(seen._noted, key, time.monotonic() - 61)
    seen._note("first")
    assert list(seen._noted) == ["first"]


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
        assert eventually(lambda: failed_sign_ins(server))[0]["reason"] == "passwords are off"
        assert stranger.get("/sign-in/provider/").status_code == 503
        with server.client() as program:
            assert program.get("/api/v1/certificates").status_code == 200, "tokens are no passwords"
        checked = run(server.data_dir, "check", **settings)
        assert "not to be seen" not in checked.stdout
        assert not any("not to be seen" in line for line in server.log)
    # The way back in, where the provider is away for good: the setting, and whoever owns the server.
    with Serving(tmp_path / "data", **{**settings, "LOCAL_SIGN_IN": "on"}) as server:
        assert "Password" in httpx.get(f"{server.url}/sign-in/", trust_env=False, timeout=30).text


def test_too_many_attempts_are_429_in_the_same_words_for_an_unknown_user(tmp_path: Path) -> None:
    with Serving(tmp_path / "data") as server:
        for username in ("admin", "nobody-of-that-name"):
            first, *_, last = guesses(server, username)
            assert (first.status_code, "is not correct" in first.text) == (200, True)
            assert (last.status_code, "Too many attempts" in last.text) == (429, True)


def guesses(server: Serving, username: str) -> list[httpx.Response]:
    """The answers to some wrong passwords."""
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as stranger:
        stranger.get("/sign-in/")
        given = {"login": username, "password": "wrong", "csrfmiddlewaretoken": stranger.cookies["trustyard-csrf"]}
        return [stranger.post("/sign-in/", data=given) for _ in range(6)]


def test_a_failed_sign_in_is_in_the_log_by_its_name_and_without_the_password(tmp_path: Path) -> None:
    with (
        Serving(tmp_path / "data") as server,
        httpx.Client(base_url=server.url, trust_env=False, timeout=30) as stranger,
    ):
        stranger.get("/sign-in/")
        given = {"password": "hush-hush", "csrfmiddlewaretoken": stranger.cookies["trustyard-csrf"]}
        for name in ["x" * 200, *["ada\x1b[2J\u202e"] * 6]:
            stranger.post("/sign-in/", data={**given, "login": name})
        lines = eventually(lambda: found if len(found := failed_sign_ins(server)) == 7 else None)
        assert not any("hush-hush" in line for line in server.log)
    assert [line["name"] for line in lines] == ["x" * 150, *["ada\\x1b[2J\\x202e"] * 6]
    assert [line["throttled"] for line in lines] == [False] * 6 + [True]
    assert {(line["address"], line["reason"]) for line in lines} == {("127.0.0.1", "password")}


def failed_sign_ins(server: Serving) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log if '"sign_in.failed"' in line]


def test_the_log_says_that_a_right_password_came_to_a_switched_off_account(vic: models.User) -> None:
    users.create(LOCAL, "ada", password="a long and quiet night", role="admin")
    users.disable(LOCAL, "vic")
    with capture_logs() as lines:
        Client().post("/sign-in/", {"login": "vic", "password": "a long and quiet night"}, follow=True)
    failed = {"name": "vic", "address": "127.0.0.1", "reason": "disabled", "throttled": False, "log_level": "info"}
    assert [line for line in lines if line.pop("event") == "sign_in.failed"] == [failed]


def test_the_log_says_that_a_second_factor_was_guessed_at(vic: models.User) -> None:
    TOTP.activate(vic, "JBSWY3DPEHPK3PXP")
    browser = signed_in()  # as far as the second step
    with capture_logs() as lines:
        for _ in range(6):
            browser.post("/sign-in/second-factor/", {"code": "000000"})
    failed = [line for line in lines if line["event"] == "sign_in.failed"]
    assert {(line["name"], line["reason"]) for line in failed} == {("vic", "second factor")}
    assert [line["throttled"] for line in failed] == [False] * 5 + [True]


def code(which: int = 1) -> str:
    """What the app of `vic` shows: before, now or in half a minute."""
    return format_hotp_value(hotp_value("JBSWY3DPEHPK3PXP", list(yield_hotp_counters_from_time())[which]))


def half_signed_in() -> Client:
    browser = Client()
    answer = browser.post("/sign-in/", {"login": "vic", "password": "a long and quiet night"})
    assert answer["Location"] == "/sign-in/second-factor/"
    return browser


def is_in(browser: Client) -> bool:
    return browser.get("/account/").status_code == 200


def _disabled_and_enabled() -> None:
    users.disable(LOCAL, "vic")
    users.enable(LOCAL, "vic")


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda: users.set_password(LOCAL, "vic", NEW),
        lambda: users.disable(LOCAL, "vic"),
        _disabled_and_enabled,
        lambda: sessions.end_all(LOCAL, models.User.objects.get(username="vic")),
        lambda: second_factors.reset(LOCAL, "vic"),
    ],
    ids=["a new password", "disabled", "disabled and enabled", "all sessions ended", "second factor reset"],
)
def test_what_ends_sessions_ends_a_sign_in_that_waits_for_its_code(vic: models.User, meanwhile: Any) -> None:
    users.create(LOCAL, "ada", password="a long and quiet night", role="admin")
    TOTP.activate(vic, "JBSWY3DPEHPK3PXP")
    before, after = half_signed_in(), half_signed_in()
    before.post("/sign-in/second-factor/", {"code": code(1)})
    assert is_in(before), "nothing came in between"
    meanwhile()
    after.post("/sign-in/second-factor/", {"code": code(2)})
    assert not is_in(after)
    after.post("/sign-in/second-factor/", {"code": code(0)})
    assert not is_in(after)
    assert after.get("/sign-in/").status_code == 200, "it begins anew"


NEW = "another long and quiet night"


@pytest.mark.parametrize(
    ("path", "given", "reason"),
    [
        ("/account/confirm/", {"password": "guessed"}, "confirming"),
        ("/account/", {"current": "guessed", "password": NEW, "again": NEW}, "own password"),
    ],
)
def test_the_log_says_that_somebody_guessed_within_a_session(
    vic: models.User, path: str, given: dict[str, str], reason: str
) -> None:
    browser = signed_in()
    with capture_logs() as lines:
        for _ in range(6):
            browser.post(path, given)
    failed = [line for line in lines if line["event"] == "sign_in.failed"]
    assert {(line["name"], line["reason"]) for line in failed} == {("vic", reason)}
    assert [line["throttled"] for line in failed] == [False] * 5 + [True]
    assert "guessed" not in str(lines)


def test_a_header_does_not_lead_past_the_second_factor_that_is_required(vic: models.User, settings: Any) -> None:
    identity = replace(settings.TRUSTYARD.identity, second_factor="all")
    settings.TRUSTYARD = replace(settings.TRUSTYARD, identity=identity)
    browser = signed_in()
    for headers in ({}, {"Authorization": "x"}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}):
        answer = browser.get("/certificates/", headers=headers)
        assert (answer.status_code, answer["Location"]) == (302, "/account/#second-factor"), headers


def test_wrong_passwords_for_a_name_are_counted_whatever_host_and_case_are_named(vic: models.User) -> None:
    wrong = {"password": "guessed"}
    for number, name in enumerate(["vic", "VIC", "Vic", "v\u0131c", "vic"]):
        host = ("localhost", "127.0.0.1", "[::1]")[number % 3]
        answer = Client().post("/sign-in/", {**wrong, "login": name}, headers={"Host": f"{host}:{8400 + number}"})
        assert answer.status_code == 200, name
    right = {"login": "vic", "password": "a long and quiet night"}
    assert Client().post("/sign-in/", right, headers={"Host": "localhost:1"}).status_code == 429


def test_a_stranger_who_knows_no_name_uses_up_nobodys_tries_at_the_second_factor(vic: models.User) -> None:
    TOTP.activate(vic, "JBSWY3DPEHPK3PXP")
    for _ in range(5):  # what allauth counts wrong codes of this account under
        Client().post("/sign-in/", {"login": f"mfa-auth-user-{vic.pk}", "password": "guessed"})
    browser = half_signed_in()
    browser.post("/sign-in/second-factor/", {"code": code()})
    assert is_in(browser)


@pytest.mark.parametrize("host", ["localhost", "testserver", "other.example.org"])
def test_a_sign_in_leads_to_no_other_host_though_it_is_one_that_trustyard_answers_to(
    vic: models.User, settings: Any, host: str
) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "testserver", ".example.org"]
    given = {"login": "vic", "password": "a long and quiet night"}
    browser = Client()
    for address in (f"http://{host}/trap", f"//{host}/trap"):
        assert browser.post("/sign-in/", {**given, "next": address})["Location"] == "/"
        assert browser.get("/sign-in/", {"next": address})["Location"] == "/"
    assert browser.get("/sign-in/", {"next": "/audit/?page=2"})["Location"] == "/audit/?page=2"


def test_a_code_is_taken_once_for_as_long_as_it_fits(vic: models.User, monkeypatch: pytest.MonkeyPatch) -> None:
    TOTP.activate(vic, "JBSWY3DPEHPK3PXP")
    first, given = half_signed_in(), code(2)  # of an app whose clock is ahead: it fits for a minute yet
    first.post("/sign-in/second-factor/", {"code": given})
    assert is_in(first)
    later = timezone.now() + timedelta(seconds=45)
    monkeypatch.setattr("django.core.cache.backends.db.tz_now", lambda: later)
    second = half_signed_in()
    second.post("/sign-in/second-factor/", {"code": given})
    assert not is_in(second)
