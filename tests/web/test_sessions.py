"""Sessions: each is ended by whom it belongs to or by an administrator, alone or all but the one in use."""

from __future__ import annotations

import pytest
from django.test import Client

from trustyard import models
from trustyard.actions import sessions, users
from trustyard.actions.actors import LOCAL

pytestmark = pytest.mark.django_db
PASSWORD = "a long and quiet night"


@pytest.fixture(autouse=True)
def _people(db: None) -> None:
    users.create(LOCAL, "ada", password=PASSWORD, role="admin")
    users.create(LOCAL, "vic", password=PASSWORD)


def signed_in(name: str) -> Client:
    browser = Client()
    assert browser.post("/sign-in/", {"login": name, "password": PASSWORD}).status_code == 302
    return browser


def is_in(browser: Client) -> bool:
    return browser.get("/account/").status_code == 200


def number_of(browser: Client, name: str) -> int:
    """The session of this browser, as the lists of sessions address it."""
    user = models.User.objects.get(username=name)
    return int(sessions.find(LOCAL, user).get(session_key=browser.session.session_key).pk)


def said() -> list[tuple[str, str, object]]:
    """Who ended how many sessions of whom, as the audit says it."""
    events = models.AuditEvent.objects.filter(action="session.end").order_by("pk")
    return [(one.actor, one.object_name, (one.after or {})["sessions"]) for one in events]


def test_one_session_is_ended_and_the_others_go_on() -> None:
    here, there, ada = signed_in("vic"), signed_in("vic"), signed_in("ada")
    address = f"/account/sessions/{number_of(there, 'vic')}/end/"
    assert here.post(address).status_code == 303
    assert [is_in(browser) for browser in (here, there, ada)] == [True, False, True]
    assert said() == [("vic", "vic", 1)]
    assert here.post(address).status_code == 404, "it has ended already"
    assert len(said()) == 1


def test_nobody_ends_the_session_of_somebody_else_at_an_address_of_their_own() -> None:
    vic, ada = signed_in("vic"), signed_in("ada")
    assert vic.post(f"/account/sessions/{number_of(ada, 'ada')}/end/").status_code == 404
    number = models.User.objects.get(username="ada").pk
    assert vic.post(f"/users/{number}/access/{number_of(ada, 'ada')}/end/").status_code == 403
    assert vic.post(f"/users/{number}/access/").status_code == 403
    assert is_in(ada)
    assert said() == []


def test_all_other_sessions_are_ended_and_the_one_in_use_is_not() -> None:
    here, *others, ada = signed_in("vic"), signed_in("vic"), signed_in("vic"), signed_in("ada")
    assert here.post("/account/sessions/end/").status_code == 303
    assert [is_in(browser) for browser in (here, *others, ada)] == [True, False, False, True]
    assert said() == [("vic", "vic", 2)]
    here.post("/account/sessions/end/")
    assert len(said()) == 1, "there was none"


def test_an_administrator_ends_one_session_of_a_person_or_all() -> None:
    first, second, third, ada = signed_in("vic"), signed_in("vic"), signed_in("vic"), signed_in("ada")
    address = f"/users/{models.User.objects.get(username='vic').pk}/access/"
    ada.post(f"{address}{number_of(second, 'vic')}/end/")
    assert [is_in(browser) for browser in (first, second, third)] == [True, False, True]
    ada.post(address)
    assert [is_in(browser) for browser in (first, third, ada)] == [False, False, True]
    assert said() == [("ada", "vic", 1), ("ada", "vic", 2)]


def test_a_new_password_of_ones_own_ends_all_sessions_but_the_one_in_use() -> None:
    here, there = signed_in("vic"), signed_in("vic")
    new = "another long and quiet night"
    here.post("/account/", {"current": PASSWORD, "password": new, "again": new})
    assert [is_in(here), is_in(there)] == [True, False]
