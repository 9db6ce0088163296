"""Accounts: who made and changed them is in the audit, and a change that is refused leaves them as they were."""

from __future__ import annotations

import pytest
from allauth.socialaccount.models import SocialAccount

from trustyard import models
from trustyard.actions import users
from trustyard.actions.actors import Actor
from trustyard.errors import Conflict, Refused

pytestmark = pytest.mark.django_db
ADA = Actor("ada", "admin")
PASSWORD = "a long and quiet night"


def test_an_account_that_is_made_and_changed_is_said_to_be_by_whom() -> None:
    users.create(ADA, "olaf", password=PASSWORD, role="viewer")
    users.update(ADA, "olaf", role="operator")
    events = models.AuditEvent.objects.filter(object_kind="user").order_by("pk")
    said = events.values_list("actor", "action", "object_name", "before", "after")
    viewer = {"role": "viewer", "environments": [], "active": True}
    assert list(said) == [
        ("ada", "user.create", "olaf", None, viewer),
        ("ada", "user.update", "olaf", viewer, {**viewer, "role": "operator"}),
    ]


@pytest.mark.parametrize("change", [{"active": False}, {"role": "viewer"}])
def test_the_last_administrator_is_one_still_when_that_was_refused(change: dict[str, bool | str]) -> None:
    users.create(ADA, "ada", password=PASSWORD, role="admin")
    events = models.AuditEvent.objects.count()
    with pytest.raises(Conflict, match="last administrator"):
        users.update(ADA, "ada", **change)  # type: ignore[arg-type]  # a dict says no type of each
    row = models.User.objects.get()
    assert (row.role, row.is_active, models.AuditEvent.objects.count()) == ("admin", True, events)


def test_who_comes_by_the_provider_has_no_password_and_all_others_have_one() -> None:
    olaf, vic = (users.create(ADA, name, password=PASSWORD) for name in ("olaf", "vic"))
    SocialAccount.objects.create(user=olaf, provider="company", uid="1")
    with pytest.raises(Refused, match="signs in by the company's provider"):
        users.set_password(ADA, "olaf", "another long and quiet night")
    users.set_password(ADA, "vic", "another long and quiet night")
    vic.refresh_from_db()
    assert vic.check_password("another long and quiet night")
    shown = {row.username: users.user_json(row) for row in users.find(ADA)}
    assert {name: (one["sign_in"], one["second_factor"], one["active"]) for name, one in shown.items()} == {
        "olaf": ("provider", False, True),
        "vic": ("password", False, True),
    }
