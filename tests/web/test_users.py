"""The screen Users: what two administrators with older pages do to each other, and what forms and lists say."""

from __future__ import annotations

import html
import re

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from trustyard import models
from trustyard.actions import environments, tokens, users
from trustyard.actions.actors import LOCAL

from .people import sign_in

pytestmark = pytest.mark.django_db
PASSWORD = "a long and quiet night"


@pytest.fixture
def admin(client: Client) -> Client:
    """Ada in front of the console; test and production are there, and olaf operates test."""
    for name in ("test", "production"):
        environments.create(LOCAL, name=name)
    ada = users.create(LOCAL, "ada", password=PASSWORD, role="admin")
    users.create(LOCAL, "olaf", password=PASSWORD, role="operator", environments=["test"])
    return sign_in(client, ada)


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
    [button] = re.findall(rf'action="{address}">.*?<button class="danger" name="(\w+)" value="(\w+)"', page, re.DOTALL)
    for _ in range(2):  # twice is once
        assert "olaf cannot sign in any more." in done(admin, address, dict([button]))
    assert not olaf().is_active
    assert models.AuditEvent.objects.filter(action="user.update").count() == 1
    assert 'value="enable"' in admin.get("/users/").content.decode()
    assert "olaf can sign in again." in done(admin, address, {"to": "enable"})
    assert olaf().is_active


def test_what_is_neither_enable_nor_disable_changes_nothing(admin: Client) -> None:
    assert admin.post(f"/users/{olaf().pk}/active/").status_code == 422
    assert olaf().is_active


def test_people_stand_in_the_order_of_their_names_and_case_does_not_count(admin: Client) -> None:
    for name in ("Zoe", "bert"):
        users.create(LOCAL, name, password=PASSWORD, role="viewer")
    names = re.findall(r'data-label="Username"[^>]*>(?:<[^>]*>)*(\w+)', admin.get("/users/").content.decode())
    assert names == ["ada", "bert", "olaf", "Zoe"]


def test_disable_asks_first_and_says_when_it_is_oneself(admin: Client) -> None:
    page = admin.get("/users/").content.decode()
    asked = dict(re.findall(r'<dialog[^>]*id="disable-(\d+)"[^>]*>(.*?)</dialog>', page, re.DOTALL))
    own = models.User.objects.get(username="ada").pk
    assert set(asked) == {str(own), str(olaf().pk)}
    assert {pk: "This is you" in said for pk, said in asked.items()} == {str(own): True, str(olaf().pk): False}
    assert page.count('value="disable"') == 2, "there is no other way to it than the dialogs"


def version(page: str) -> str:
    """What the form knows of the stored account."""
    [found] = re.findall(r'name="version" value="(\w+)"', page)
    return str(found)


def test_a_form_that_was_opened_before_does_not_give_a_role_back(admin: Client) -> None:
    address = f"/users/{olaf().pk}/"
    form = {"role": "operator", "environments": ["test"], "version": version(admin.get(address).content.decode())}
    users.update(LOCAL, "olaf", role="viewer", environments=[])
    page = admin.post(address, form).content.decode()
    assert "This was changed by somebody else meanwhile." in text(page)
    assert "Stored now: viewer, all environments." in text(page)
    assert "<option selected>operator</option>" in page, "what was chosen is kept"
    assert olaf().role == "viewer"
    done(admin, address, {**form, "version": version(page)})  # now it is meant
    assert (olaf().role, olaf().environments.count()) == ("operator", 1)
    assert "meanwhile" in text(admin.post(address, {"role": "admin"}).content.decode()), "no version is none"


ALONE = "Environments limit operators alone; a viewer sees all and an administrator may do all."


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_environments_are_refused_for_roles_that_they_do_not_limit(admin: Client, role: str) -> None:
    address = f"/users/{olaf().pk}/"
    given = {"role": role, "environments": ["test"], "name": "ci", "username": "kim", "password": PASSWORD}
    given["version"] = version(admin.get(address).content.decode())
    for form in ("/users/create/", "/users/tokens/create/", address):
        assert ALONE in text(admin.post(form, given).content.decode()), form
    assert (models.User.objects.count(), models.Token.objects.count(), olaf().role) == (2, 0, "operator")
    users.update(LOCAL, "olaf", role=role)
    assert olaf().environments.count() == 0, "a list that limits nobody does not stay"


@pytest.mark.parametrize(
    ("path", "role", "said"),
    [
        ("create/", "viewer", "A viewer sees all environments; only an operator is limited to some."),
        ("tokens/create/", "operator", "None ticked: all of them."),
        ("olaf", "operator", "None ticked: all of them."),
        ("ada", "admin", "An admin may do everything in all environments; only an operator is limited to some."),
    ],
)
def test_environments_can_be_ticked_for_an_operator_alone_and_the_form_says_why(
    admin: Client, path: str, role: str, said: str
) -> None:
    named = models.User.objects.filter(username=path).first()
    page = admin.get(f"/users/{named.pk}/" if named else f"/users/{path}").content.decode()
    [attributes] = re.findall(r'<fieldset class="field" id="limits"([^>]*)>', page)
    assert ("disabled" in attributes) is (role != "operator")
    assert 'aria-describedby="h-limits p-limits"' in attributes
    assert re.findall(r'<span data-role="\w+">([^<]+)</span>', page) == [said]


def test_what_an_earlier_version_stored_is_shown_as_all_and_goes_on(admin: Client) -> None:
    tokens.create(LOCAL, "ci", role="viewer")
    for row in (olaf(), models.Token.objects.get()):
        row.role = "viewer"
        row.save()
        row.environments.set(models.Environment.objects.filter(name="test"))
    page = admin.get("/users/").content.decode()
    assert "olaf viewer all password" in text(page)
    assert "ci viewer all command line" in text(page)
    assert users.user_json(olaf())["environments"] == []
    users.update(LOCAL, "olaf", active=False)
    form = admin.get(f"/users/{olaf().pk}/").content.decode()
    assert "checked" not in form
    done(admin, f"/users/{olaf().pk}/", {"role": "viewer", "version": version(form)})


def test_a_name_of_another_kind_of_actor_is_refused_at_its_field(admin: Client) -> None:
    form = {"username": "command line", "password": PASSWORD, "role": "admin"}
    page = admin.post("/users/create/", form).content.decode()
    assert '<p class="field-problem" id="p-username">Nobody can be named command line: ' in page


def test_no_password_is_offered_for_who_comes_by_the_provider(admin: Client) -> None:
    assert admin.get("/users/").content.decode().count("Set Password") == 2
    SocialAccount.objects.create(user=olaf(), provider="https://login.example.org", uid="1")
    assert admin.get("/users/").content.decode().count("Set Password") == 1


def test_a_new_user_without_name_and_password_is_told_of_both(admin: Client) -> None:
    page = admin.post("/users/create/", {"username": "", "password": "", "role": "viewer"}).content.decode()
    assert '<p class="field-problem" id="p-username">The username is missing.</p>' in page
    assert '<p class="field-problem" id="p-password">This password is too short.' in page
    assert "The username is missing. This password cannot be taken." in text(page)
    assert models.User.objects.count() == 2


def test_a_new_token_is_told_of_all_that_is_wrong_with_it(admin: Client) -> None:
    given = {"name": "", "role": "viewer", "environments": "test", "expires": "2020-02-03"}
    page = admin.post("/users/tokens/create/", given).content.decode()
    assert '<p class="field-problem" id="p-name">The name is missing.</p>' in page
    assert '<p class="field-problem" id="p-expires">2020-02-03 is over already.</p>' in page
    limits = "Environments limit operators alone; a viewer sees all and an administrator may do all."
    assert f"The name is missing. {limits} 2020-02-03 is over already." in text(page)
    assert not models.Token.objects.exists()


def test_the_pages_of_a_user_lead_to_each_other_and_to_the_audit(admin: Client) -> None:
    there = f"/users/{olaf().pk}/"
    assert f'<a href="{there}">olaf</a>' in admin.get("/users/").content.decode()
    edit, access = (admin.get(address).content.decode() for address in (there, f"{there}access/"))
    assert f'href="{there}access/"' in edit
    assert f'href="{there}"' in access
    for page in (edit, access):
        assert f'href="{there}password/"' in page
        assert 'href="/audit/?object=olaf"' in page
    assert "disabled: cannot sign in" not in text(edit)
    users.update(LOCAL, "olaf", active=False)
    assert "Signs in by password; disabled: cannot sign in." in text(admin.get(there).content.decode())


def test_the_form_of_ones_own_account_says_so(admin: Client) -> None:
    own = models.User.objects.get(username="ada").pk
    assert "This is you: with another role" in text(admin.get(f"/users/{own}/").content.decode())
    assert "This is you" not in text(admin.get(f"/users/{olaf().pk}/").content.decode())
    assert "ada you admin" in text(admin.get("/users/").content.decode())


def test_a_token_that_was_made_says_what_it_may_and_until_when(admin: Client) -> None:
    form = {"name": "ci", "role": "operator", "environments": ["test"]}
    assert "With the role operator, for test; it has no end." in text(
        admin.post("/users/tokens/create/", form).content.decode()
    )
    form = {"name": "short", "role": "viewer", "expires": "2999-12-31"}
    said = text(admin.post("/users/tokens/create/", form).content.decode())
    assert "With the role viewer; it ends on 31 Dec 2999" in said
