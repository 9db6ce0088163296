"""How far away a moment is, as the console says it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trustyard.web.tags import distance

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(seconds=45), "in 45 seconds"),
        (timedelta(minutes=1), "in 1 minute"),
        (timedelta(minutes=89), "in 89 minutes"),
        (timedelta(hours=30), "in 30 hours"),
        (timedelta(days=47), "in 47 days"),
        (timedelta(days=90), "in 90 days"),
        (timedelta(days=119, hours=23), "in 119 days"),
        (timedelta(days=120), "in 4 months"),
        (timedelta(days=729), "in 24 months"),
        (timedelta(days=731), "in 2 years"),
        (-timedelta(days=1, hours=23), "47 hours ago"),
        (-timedelta(days=90), "90 days ago"),
    ],
)
def test_days_are_counted_as_long_as_somebody_plans_in_days(gap: timedelta, said: str) -> None:
    assert distance(NOW + gap, NOW) == said
