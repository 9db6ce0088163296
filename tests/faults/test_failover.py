"""One of two nodes is killed under load, behind nginx: nobody is without an answer for long, no save is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.failover import CLIENTS, drill

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(240)]
BOUND = 5.0


def test_one_of_two_nodes_is_killed_under_load_nobody_is_refused_for_long_and_no_save_is_lost(tmp_path: Path) -> None:
    figures = drill(tmp_path, 20)
    print(figures.requests, figures.refused, figures.longest, len(figures.saved))
    assert figures.longest < BOUND
    assert figures.refused <= 2 * CLIENTS, "at most what was under way at the node that died"
    assert not figures.lost
