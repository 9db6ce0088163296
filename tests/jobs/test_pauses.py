"""Pauses between tries: longer each time up to a minute, and a minute for as long as it lasts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trustyard.jobs import deliveries, probes


@pytest.mark.parametrize("pause_after", [deliveries.pause_after, probes.pause_after], ids=["delivery", "look"])
def test_a_pause_grows_up_to_a_minute_and_stays_so_for_months(pause_after: Callable[[int], float]) -> None:
    """A day of a gateway that is away is more than a thousand tries."""
    first, later, *last = (pause_after(times) for times in (1, 4, 10, 2_000, 100_000))
    assert first < 3 < later < 30
    assert all(30 <= pause <= 72 for pause in last)
