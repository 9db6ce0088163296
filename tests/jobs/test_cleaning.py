"""The clean-up: what is old goes, whatever becomes of the rest."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.utils import timezone
from structlog.testing import capture_logs

from trustyard import models
from trustyard.actions import drafts
from trustyard.actions.drafts import KEPT_FOR
from trustyard.jobs import cleaning


@pytest.mark.django_db
def test_what_cannot_be_removed_keeps_nothing_else_from_being_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped() -> int:
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(cleaning, "looked_after", nullcontext)  # the connection is this test's
    monkeypatch.setattr(drafts, "forget_old", stopped)
    Session.objects.create(session_key="ended", session_data="", expire_date=timezone.now() - timedelta(hours=1))
    with capture_logs() as lines, pytest.raises(OperationalError, match="lock timeout"):
        cleaning.clean()
    [said] = [line for line in lines if line["event"] == "clean.failed"]
    assert (said["log_level"], said["step"], said["error"]) == ("warning", "drafts", "OperationalError")
    assert not Session.objects.filter(session_key="ended").exists()


@pytest.mark.django_db
def test_what_is_old_goes_and_what_is_not_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """D-20, and what a look at a source showed is kept for an hour."""
    monkeypatch.setattr(cleaning, "looked_after", nullcontext)  # the connection is this test's
    now, minute = timezone.now(), timedelta(minutes=1)
    ada = models.User.objects.create(username="ada")
    old, new = (models.Draft.objects.create(author=ada) for _ in range(2))
    models.Draft.objects.filter(pk=old.pk).update(changed_at=now - KEPT_FOR - minute)
    models.Draft.objects.filter(pk=new.pk).update(changed_at=now - KEPT_FOR + minute)
    for token, at in (("old", now - minute), ("new", now + minute)):
        models.Inspection.objects.create(token_sha256=token, expires_at=at)
        Session.objects.create(session_key=token, session_data="", expire_date=at)
        UserSession.objects.create(user=ada, session_key=token, ip="127.0.0.1", user_agent="")
    cleaning.clean()
    assert models.Draft.objects.get() == new
    assert models.Inspection.objects.get().token_sha256 == "new"
    assert Session.objects.get().session_key == UserSession.objects.get().session_key == "new"
