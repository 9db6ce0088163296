"""Sign-in for companies in a real browser: a real provider, codes, a security key, sessions."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.databases import opened
from tests.journeys.company import Provider, company, provider
from tests.journeys.console import PATIENCE, new_context, pictures
from tests.journeys.test_console_pages import axe, judge
from tests.server.serving import PASSWORD, Serving, run

__all__ = ["axe", "company", "provider"]
Window = Callable[[], Page]


@pytest.fixture
def window(browser: Browser) -> Iterator[Window]:
    """A function that opens windows that know nothing of each other; none may break the console's policy."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def heard(text: str) -> None:
        if "Security Policy" in text or "Uncaught" in text:
            complaints.append(text)

    def open_one() -> Page:
        context = new_context(browser, viewport={"width": 1280, "height": 900})
        context.route(re.compile("^https:"), lambda route: route.abort())  # the provider's page asks for a stylesheet
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: heard(message.text))
        page.on("pageerror", lambda error: heard(f"Uncaught {error}"))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def by_provider(page: Page, company: Serving, subject: str) -> None:
    """Signs in as somebody whom the provider knows."""
    page.goto(f"{company.url}/account/")
    page.get_by_role("link", name="Sign in with Example AG", exact=True).click()
    page.get_by_role("button", name=subject, exact=True).click()


def by_password(page: Page, company: Serving, username: str = "admin", password: str = PASSWORD) -> None:
    page.goto(f"{company.url}/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def code(secret: str, steps: int = 0) -> str:
    """What an authenticator app shows, by another implementation than the server's."""
    import base64

    app = TOTP(base64.b32decode(secret), 6, SHA1(), 30, enforce_key_length=False)
    return app.generate(int(time.time()) + 30 * steps).decode()


def people(company: Serving) -> dict[str, dict[str, Any]]:
    listed = json.loads(run(company.data_dir, "user", "list", "--json").stdout)
    return {one["username"]: one for one in listed}


def events(company: Serving, action: str) -> list[dict[str, Any]]:
    with company.client() as client:
        items = client.get("/api/v1/audit", params={"action": action}).json()["items"]
    assert isinstance(items, list)
    return items


def test_the_providers_claim_decides_who_comes_in_and_as_what(
    company: Serving, provider: Provider, window: Window
) -> None:
    page = window()
    by_provider(page, company, "s-ada")
    # Where one wanted to go, without a second factor of our own: the provider asked for what the company wants.
    expect(page.get_by_role("heading", name="ada", exact=True)).to_be_visible()
    expect(page.get_by_text("with the role admin")).to_be_visible()
    expect(page.get_by_text("There is no password of yours here")).to_be_visible()
    assert (people(company)["ada"]["role"], people(company)["ada"]["sign_in"]) == ("admin", "provider")
    assert events(company, "user.sign_in")[0]["after"] == {"method": "provider"}
    # Refused before anybody is asked for one.
    assert "has no password here" in run(company.data_dir, "user", "password", "ada", code=1).stderr
    said = run(company.data_dir, "user", "edit", "ada", "--role", "admin").stderr
    assert "At the next sign-in the company's provider says again which role this is." in said

    # A name that somebody has already is not taken for that person.
    fake = window()
    by_provider(fake, company, "s-fake")
    expect(fake.get_by_role("heading", name="admin-2", exact=True)).to_be_visible()
    expect(fake.get_by_text("with the role operator, for test")).to_be_visible()

    # Nobody without a value that gives a role; nothing is made of them.
    eve = window()
    by_provider(eve, company, "s-eve")
    expect(eve.get_by_text("its claim realm.groups holds nothing that gives access")).to_be_visible()
    provider.put("s-eve", preferred_username="eve", realm={"groups": ["elsewhere"]})  # no such environment
    by_provider(eve, company, "s-eve")
    expect(eve.get_by_text("holds nothing that gives access")).to_be_visible()
    assert "eve" not in people(company)

    # The role is read again at each sign-in, and who has none any more is out at once, everywhere.
    provider.put("s-ada", preferred_username="lovelace", realm={"groups": ["platform"]})
    again = window()
    by_provider(again, company, "s-ada")
    expect(again.get_by_text("with the role operator")).to_be_visible()
    assert people(company)["ada"]["role"] == "operator", "the account is the subject's, whatever its name is now"
    (changed,) = events(company, "user.update")
    assert (changed["before"]["role"], changed["after"]["role"]) == ("admin", "operator")
    provider.put("s-ada", preferred_username="ada", realm={})
    third = window()
    by_provider(third, company, "s-ada")
    expect(third.get_by_text("holds nothing that gives access")).to_be_visible()
    again.reload()
    expect(again.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_password_alone_opens_nothing_where_a_second_factor_is_needed(
    company: Serving, window: Window, axe: str
) -> None:
    page = window()
    page.goto(f"{company.url}/sign-in/")
    found = judge(page, axe)
    by_password(page, company)
    expect(page.get_by_text("Your role needs a second factor")).to_be_visible()
    page.goto(f"{company.url}/certificates/")
    expect(page.get_by_role("heading", name="admin", exact=True)).to_be_visible()
    refused = page.request.get(f"{company.url}/api/v1/certificates")
    assert (refused.status, refused.json()["type"]) == (403, "/problems/second-factor-needed")

    # An app: the password again, the secret, a code; recovery codes come along.
    page.get_by_role("link", name="Add authenticator app").click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    found += judge(page, axe)
    page.get_by_label("Password").fill("a guess")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Password")).to_have_accessible_description("The password is not correct.")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".qr svg")).to_be_visible()
    secret = page.get_by_role("textbox", name="Secret", exact=True).input_value()
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("not correct")
    box = page.get_by_label("Code")
    expect(box).to_be_focused()
    expect(box).to_have_accessible_description(re.compile("not correct"))
    found += judge(page, axe)
    page.keyboard.type(code(secret))
    page.keyboard.press("Enter")
    expect(page.get_by_text("The authenticator app is added.")).to_be_visible()
    spare = page.get_by_label("Unused codes").input_value().split()
    assert len(spare) == 10
    found += judge(page, axe)
    stored = (company.data_dir / "trustyard.db").read_bytes() if (company.data_dir / "trustyard.db").exists() else b""
    assert secret.encode() not in stored, "it is kept sealed"
    page.get_by_role("button", name="Done", exact=True).click()
    page.goto(f"{company.url}/certificates/")
    expect(page.get_by_role("heading", name="Certificates", exact=True)).to_be_visible()

    # A security key beside it.
    browser = page.context.new_cdp_session(page)
    browser.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True}
    browser.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto(f"{company.url}/account/")
    page.get_by_role("link", name="Add security key").click()
    expect(page.get_by_role("heading", name="Add Security Key")).to_be_visible()
    found += judge(page, axe)
    page.get_by_label("Name", exact=True).fill("Blue key")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("table", name="Second factor")).to_contain_text("Blue key")
    found += judge(page, axe)

    # From now on the sign-in asks for one: the key, an app's code once, a recovery code once.
    sign_out(page)
    by_password(page, company)
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    found += judge(page, axe)
    assert found == []
    page.get_by_role("button", name="Use security key").click()
    expect(page.get_by_role("heading", name="Certificates", exact=True)).to_be_visible()
    assert events(company, "user.sign_in")[0]["after"] == {"method": "password, security key"}
    sign_out(page)
    for given, taken in ((code(secret, 1), True), (code(secret, 1), False), (spare[0], True), (spare[0], False)):
        by_password(page, company)
        page.get_by_label("Code").fill(given)
        page.get_by_role("button", name="Continue").click()
        if taken:
            sign_out(page)
        else:
            expect(page.get_by_role("alert")).to_contain_text("not correct, or was used already")
            page.get_by_role("button", name="Cancel").click()

    # Guessing ends soon, and whoever lost their factors is helped by somebody with the data directory.
    by_password(page, company)
    for _ in range(6):
        page.get_by_label("Code").fill("123456")
        with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
            page.get_by_role("button", name="Continue").click()
    assert answered.value.status == 429
    expect(page.get_by_role("alert")).to_contain_text("Too many attempts")
    assert "no second factor any more" in run(company.data_dir, "user", "reset-mfa", "admin").stdout
    (reset,) = events(company, "second_factor.reset")
    assert reset["before"]["factors"] == ["authenticator app", "recovery codes", "security key"]
    fresh = window()
    by_password(fresh, company)
    expect(fresh.get_by_text("Your role needs a second factor")).to_be_visible()


def minutes_later(company: Serving) -> None:
    """The sign-in of each session was ten minutes before."""
    key = (company.data_dir / "secret-key").read_text().strip()
    how = {"key": key, "salt": "django.contrib.sessions.SessionStore", "serializer": JSONSerializer}
    with opened(company.data_dir) as database:
        for name, data in database.execute("SELECT session_key, session_data FROM django_session").fetchall():
            held = signing.loads(data, **how)
            for one in held.get("account_authentication_methods", []):
                one["at"] -= 600
            later = signing.dumps(held, compress=True, **how)
            database.execute(f"UPDATE django_session SET session_data = '{later}' WHERE session_key = '{name}'")


def test_who_has_no_password_here_confirms_at_the_provider(company: Serving, window: Window, axe: str) -> None:
    page = window()
    by_provider(page, company, "s-otto")
    page.get_by_role("link", name="Add authenticator app").click()
    expect(page.locator(".qr svg")).to_be_visible()  # it asked a moment ago

    minutes_later(company)
    page.get_by_label("Code").fill("123456")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    assert judge(page, axe) == []
    pictures(page, "confirm-by-provider")
    with page.expect_request(re.compile("/authorize.*prompt=login")):
        page.get_by_role("link", name="Sign in with Example AG").click()
    page.get_by_role("button", name="s-otto", exact=True).click()
    secret = page.get_by_role("textbox", name="Secret", exact=True).input_value()
    page.get_by_label("Code").fill(code(secret))
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("The authenticator app is added.")).to_be_visible()
    # From now on the app is what one confirms with.
    minutes_later(company)
    page.goto(f"{company.url}/account/")
    page.get_by_role("link", name="Remove Authenticator app").click()
    expect(page.get_by_label("Code")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in with Example AG")).to_have_count(0)


def test_sessions_are_listed_and_ended(company: Serving, window: Window) -> None:
    run(company.data_dir, "user", "add", "vic", stdin="a long enough one\n")
    here, there, third = window(), window(), window()
    for page in (here, there, third):
        by_password(page, company, "vic", "a long enough one")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    here.goto(f"{company.url}/account/")
    table = here.get_by_role("table", name="Sessions")
    expect(table.get_by_role("row")).to_have_count(4)
    expect(table).to_contain_text("Chromium or Chrome on Linux")
    table.get_by_role("button", name="End the session").first.click()
    expect(here.get_by_text("The session has ended.")).to_be_visible()
    here.get_by_label("Current password").fill("a long enough one")
    here.get_by_label("New password", exact=True).fill("another long enough")
    here.get_by_label("New password again").fill("another long enough")
    here.get_by_role("button", name="Change password").click()
    expect(here.get_by_text("The password is changed.")).to_be_visible()
    expect(table.get_by_role("row")).to_have_count(2)
    for page in (there, third):
        page.reload()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    # The same from the host.
    (left,) = json.loads(run(company.data_dir, "user", "sessions", "vic", "--json").stdout)
    assert "Chrom" in left["browser"]
    assert run(company.data_dir, "user", "sign-out", "vic").stdout == "vic is signed out. The session has ended.\n"
    assert run(company.data_dir, "user", "sign-out", "vic").stdout == "vic was not signed in.\n"
    here.reload()
    expect(here.get_by_role("heading", name="Sign in")).to_be_visible()
    by_password(here, company, "vic", "another long enough")
    expect(here.get_by_role("button", name="Sign out")).to_be_visible()
    # Switched off and on again: what was open stays shut.
    run(company.data_dir, "user", "disable", "vic")
    here.reload()
    expect(here.get_by_role("heading", name="Sign in")).to_be_visible()
    by_password(here, company, "vic", "another long enough")
    expect(here.get_by_text("This account is switched off.")).to_be_visible()


def test_a_provider_that_is_away_or_lies_lets_nobody_in(company: Serving, provider: Provider) -> None:
    with httpx.Client(base_url=company.url, trust_env=False, timeout=30) as stranger:
        begun = stranger.get("/sign-in/provider/", params={"next": "/audit/", "scope": "email", "process": "connect"})
        asked = httpx.URL(begun.headers["location"]).params
        assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")
        assert asked["nonce"]
        assert asked["redirect_uri"] == f"{company.url}/sign-in/provider/callback/"
        assert set(asked["scope"].split()) == {"openid", "profile"}
        # Another's state, a code that is none, and a refusal at the provider.
        assert stranger.get("/sign-in/provider/callback/", params={"state": "x", "code": "y"}).status_code == 401
        made_up = stranger.get("/sign-in/provider/callback/", params={"state": asked["state"], "code": "y"})
        assert made_up.status_code == 503
        assert "cannot be relied upon" in made_up.text
        again = httpx.URL(stranger.get("/sign-in/provider/").headers["location"]).params
        denied = stranger.get("/sign-in/provider/callback/", params={"state": again["state"], "error": "access_denied"})
        assert denied.status_code == 401
        assert "cancelled" in denied.text
        provider.stop()
        away = stranger.get("/sign-in/provider/")
        assert away.status_code == 503
        assert "Example AG does not answer" in away.text
        assert "Sign in with Example AG" in stranger.get("/sign-in/").text
        answers = {stranger.get("/sign-in/provider/callback/").status_code for _ in range(70)}
        assert 429 in answers
