"""The clean-up: what is old goes, whatever becomes of the rest."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.utils import timezone

from trustyard.actions import drafts
from trustyard.jobs import cleaning


@pytest.mark.django_db
def test_what_cannot_be_removed_keeps_nothing_else_from_being_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped() -> int:
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(cleaning, "looked_after", nullcontext)  # the connection is this test's
    monkeypatch.setattr(drafts, "forget_old", stopped)
    Session.objects.create(session_key="ended", session_data="", expire_date=timezone.now() - timedelta(hours=1))
    with pytest.raises(OperationalError, match="lock timeout"):  # and it is logged as before
        cleaning.clean()
    assert not Session.objects.filter(session_key="ended").exists()
