"""Figures for /metrics: read when asked, not too often, and never waited for long."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

import pytest

from trustyard.actions.figures import Ends, Figures
from trustyard.server import figures
from trustyard.server.figures import FigureReader
from trustyard.server.metrics import Metrics

NOTHING = Figures({}, Ends(Counter(), {7: Counter()}), 41, Counter())


async def scrape(metrics: Metrics) -> str:
    return (await metrics.answer()).body.decode()


def test_scrapes_in_a_row_ask_the_database_once() -> None:
    asked = []

    def read(_: Ends | None) -> Figures:
        asked.append(1)
        return NOTHING

    async def story() -> None:
        metrics = Metrics(figures=FigureReader(read))
        for _ in range(3):
            assert "trustyard_audit_events_total 41.0" in await scrape(metrics)
        metrics.close()

    asyncio.run(story())
    assert len(asked) == 1


def test_ends_of_validity_are_counted_anew_only_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(figures, "REST", 0)
    given: list[Ends | None] = []

    def read(ends: Ends | None) -> Figures:
        given.append(ends)
        return NOTHING

    async def story() -> None:
        reader = FigureReader(read)
        await reader.refresh()
        await reader.refresh()
        monkeypatch.setattr(figures, "ENDS_SECONDS", 0.0)
        await reader.refresh()
        reader.close()

    asyncio.run(story())
    assert given == [None, NOTHING.ends, None]


def test_a_database_that_is_away_shows_and_old_figures_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(figures, "REST", 0)
    answers = [NOTHING]

    async def story() -> None:
        metrics = Metrics(figures=FigureReader(lambda _: answers.pop()))
        assert "trustyard_database_up 1.0" in await scrape(metrics)
        text = await scrape(metrics)  # nothing to pop: the look fails
        assert "trustyard_database_up 0.0" in text
        assert "trustyard_audit_events_total" not in text
        metrics.close()

    asyncio.run(story())


def test_a_database_that_hangs_holds_up_no_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(figures, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(figures, "REST", 0)
    released = threading.Event()

    def hang(_: Ends | None) -> Figures:
        assert released.wait(30)
        return NOTHING

    async def story() -> None:
        metrics = Metrics(figures=FigureReader(hang))
        assert "trustyard_database_up 0.0" in await scrape(metrics)
        assert "trustyard_database_up 0.0" in await scrape(metrics)  # and starts no second look beside the first
        released.set()
        while "trustyard_database_up 1.0" not in await scrape(metrics):
            pass
        metrics.close()

    asyncio.run(story())
