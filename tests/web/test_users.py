"""The screen Users: what two administrators with older pages do to each other, and what forms and lists say."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client

from trustyard import models
from trustyard.actions import environments, users
from trustyard.actions.actors import LOCAL

pytestmark = pytest.mark.django_db
PASSWORD = "a long and quiet night"


@pytest.fixture
def admin(client: Client) -> Client:
    """Ada in front of the console; test and production are there, and olaf operates test."""
    for name in ("test", "production"):
        environments.create(LOCAL, name=name)
    ada = users.create(LOCAL, "ada", password=PASSWORD, role="admin")
    users.create(LOCAL, "olaf", password=PASSWORD, role="operator", environments=["test"])
    client.force_login(ada, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def olaf() -> models.User:
    return models.User.objects.get(username="olaf")


def text(page: str) -> str:
    """A page without its tags, spaces put together."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def done(browser: Client, address: str, given: dict[str, str]) -> str:
    """What the next page says after a form that was taken."""
    assert browser.post(address, given).status_code == 303
    return text(browser.get("/users/").content.decode())


def test_disable_on_an_older_page_does_not_enable(admin: Client) -> None:
    page = admin.get("/users/").content.decode()
    address = f"/users/{olaf().pk}/active/"
    [button] = re.findall(rf'action="{address}">.*?<button name="(\w+)" value="(\w+)"', page, re.DOTALL)
    for _ in range(2):  # twice is once
        assert "olaf cannot sign in any more." in done(admin, address, dict([button]))
    assert not olaf().is_active
    assert models.AuditEvent.objects.filter(action="user.update").count() == 1
    assert 'value="enable"' in admin.get("/users/").content.decode()
    assert "olaf can sign in again." in done(admin, address, {"to": "enable"})
    assert olaf().is_active
