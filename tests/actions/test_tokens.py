"""API tokens with an end: what a person may write, what the settings allow, and what holders and lists are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from trustyard import models
from trustyard.actions import environments, token_expiry, tokens, users
from trustyard.actions.actors import Actor
from trustyard.errors import Conflict, NotAllowed, NotSignedIn, Refused

pytestmark = pytest.mark.django_db
ADA = Actor("ada", "admin")
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def at_most_90_days(settings: Any) -> None:
    identity = replace(settings.TRUSTYARD.identity, token_days=90)
    settings.TRUSTYARD = replace(settings.TRUSTYARD, identity=identity)


def test_a_taken_name_is_said_as_it_is_spelt_there() -> None:
    tokens.create(ADA, "Robot", role="viewer")
    users.create(ADA, "Olaf", password="a long and quiet night", role="viewer")
    with pytest.raises(Conflict, match="already a token named Robot; case does not count"):
        tokens.create(ADA, "ROBOT", role="viewer")
    with pytest.raises(Conflict, match="already a user named Olaf; case does not count"):
        users.create(ADA, "olaf", password="a long and quiet night", role="viewer")


def test_the_name_of_a_revoked_token_is_free_again_and_its_secret_is_not() -> None:
    _, old = tokens.create(ADA, "robot", role="viewer")
    tokens.revoke(ADA, "ROBOT")
    _, new = tokens.create(ADA, "robot", role="viewer")
    assert tokens.authenticate(old, "") is None
    assert tokens.authenticate(new, "") is not None


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_administrators_alone_manage_tokens_accounts_and_environments(role: str) -> None:
    """D-24."""
    tokens.create(ADA, "robot", role="viewer")
    olaf = users.create(ADA, "olaf", password="a long and quiet night")
    somebody = Actor("somebody", role, user_id=olaf.pk + 1)
    attempts: list[Callable[[], object]] = [
        lambda: tokens.create(somebody, "mine", role="admin"),
        lambda: tokens.revoke(somebody, "robot"),
        lambda: tokens.find(somebody),
        lambda: users.create(somebody, "mine", password="a long and quiet night", role="admin"),
        lambda: users.update(somebody, "olaf", role="admin"),
        lambda: users.disable(somebody, "olaf"),
        lambda: users.set_password(somebody, "olaf", "another long and quiet night"),
        lambda: users.find(somebody),
        lambda: users.get_by_id(somebody, olaf.pk),
        lambda: environments.create(somebody, name="mine"),
        lambda: environments.update(somebody, "test", if_match="*", root_set="none"),
        lambda: environments.delete(somebody, "test", if_match="*"),
    ]
    for attempt in attempts:
        with pytest.raises(NotAllowed):
            attempt()


@pytest.mark.parametrize(("seconds", "noted"), [(50, False), (61, True)])
def test_the_last_use_of_a_token_is_noted_at_most_once_a_minute(seconds: int, noted: bool) -> None:
    row, secret = tokens.create(ADA, "robot", role="viewer")
    before = timezone.now() - timedelta(seconds=seconds)
    models.Token.objects.update(last_used_at=before)
    assert tokens.authenticate(secret, "") is not None
    row.refresh_from_db()
    assert (row.last_used_at != before) is noted


def test_an_end_is_a_number_of_days_or_the_last_day() -> None:
    assert token_expiry.read("90d", NOW) == NOW + timedelta(days=90)
    assert token_expiry.read("2027-01-31", NOW) == datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)
    assert token_expiry.read("2026-11-24", NOW) == datetime(2026, 11, 24, 23, 59, 59, tzinfo=UTC), (
        "today still is a day"
    )
    assert token_expiry.read(" ", NOW) is None


@pytest.mark.parametrize("text", ["90", "d", "0d", "-1d", "2026-11-23", "31.01.2027", "99999999999d", "٣d", "\x00"])
def test_what_is_no_end_is_refused_at_its_field(text: str) -> None:
    with pytest.raises(Refused) as caught:
        token_expiry.read(text, NOW)
    assert (caught.value.code, caught.value.fields[0].field) == ("bad-expiry", "expires")


def test_a_setting_bounds_the_life_of_new_tokens(at_most_90_days: None) -> None:
    assert token_expiry.read("", NOW) == NOW + timedelta(days=90)
    assert token_expiry.read("90d", NOW) == NOW + timedelta(days=90)
    assert token_expiry.read("2027-02-22", NOW), "that day still is the ninetieth"
    for late in ("91d", "2027-02-23"):
        with pytest.raises(Refused, match="90 days at most"):
            token_expiry.read(late, NOW)


def test_two_weeks_before_its_end_a_token_ends_soon() -> None:
    for ends, state in ((None, "active"), (15, "active"), (14, "ends soon"), (0, "expired")):
        moment = NOW + timedelta(days=ends) if ends is not None else None
        assert token_expiry.state(moment, None, NOW) == state


def test_a_token_ends_by_its_date_and_only_its_holder_is_told() -> None:
    row, secret = tokens.create(ADA, "ci", expires="1d")
    assert tokens.authenticate(secret, "") is not None
    row.refresh_from_db()
    assert row.last_used_at is not None
    assert token_expiry.state(row.expires_at, None, timezone.now()) == "ends soon"
    assert models.AuditEvent.objects.get(action="token.create").after["expires_at"].endswith("Z")
    models.Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(NotSignedIn) as caught:
        tokens.authenticate(secret, "")
    assert caught.value.code == "token-expired"
    assert tokens.authenticate(f"{secret}x", "") is None
    row.refresh_from_db()
    assert token_expiry.state(row.expires_at, None, timezone.now()) == "expired"
    tokens.revoke(ADA, "ci")
    assert tokens.authenticate(secret, "") is None, "revoked comes first"
    row.refresh_from_db()
    assert token_expiry.state(row.expires_at, row.revoked_at, timezone.now()) == "revoked"
