"""Figures for /metrics: read when asked, not too often, and never waited for long."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter

import pytest

from trustyard.actions.figures import Ends, Figures, Standing
from trustyard.server import figures
from trustyard.server.figures import FigureReader
from trustyard.server.metrics import Metrics

NOTHING = Figures({}, 41, Counter())
NO_ENDS = Ends(Counter(), {7: Counter()})


async def scrape(metrics: Metrics) -> str:
    return (await metrics.answer()).body.decode()


def test_scrapes_in_a_row_ask_the_database_once() -> None:
    asked = []

    def read() -> Figures:
        asked.append(1)
        return NOTHING

    async def story() -> None:
        metrics = Metrics(figures=FigureReader(read, lambda: NO_ENDS))
        for _ in range(3):
            assert "trustyard_audit_events_total 41.0" in await scrape(metrics)
        metrics.close()

    asyncio.run(story())
    assert len(asked) == 1


def test_ends_of_validity_are_counted_anew_only_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(figures, "REST", 0)
    read: list[str] = []

    def look() -> Figures:
        read.append("states")
        return NOTHING

    def count() -> Ends:
        read.append("ends")
        return NO_ENDS

    async def story() -> None:
        reader = FigureReader(look, count)
        await reader.refresh()
        await reader.refresh()
        assert (read.count("states"), read.count("ends")) == (2, 1)
        monkeypatch.setattr(figures, "ENDS_SECONDS", 0.0)
        while read.count("ends") < 2:
            await reader.refresh()
        reader.close()

    asyncio.run(story())


def test_ends_that_take_long_to_count_hold_up_no_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(figures, "ENDS_SECONDS", 0.0)
    monkeypatch.setattr(figures, "REST", 0)
    times = itertools.count(1)
    begun, released = threading.Event(), threading.Event()

    def count() -> Ends:
        number = next(times)
        if number > 1:
            begun.set()
            assert released.wait(30)
        return Ends(Counter(site=number), {})

    async def story() -> None:
        reader = FigureReader(lambda: Figures({"site": Standing()}, 41, Counter()), count)
        metrics = Metrics(figures=reader)
        expired = 'trustyard_certificates_expired{environment="site"}'
        assert f"{expired} 1.0" in await scrape(metrics)
        while not begun.is_set():
            await scrape(metrics)
        text = await scrape(metrics)
        assert f"{expired} 1.0" in text, "as it was"
        assert "trustyard_database_up 1.0" in text
        released.set()
        while f"{expired} 1.0" in await scrape(metrics):
            pass
        metrics.close()

    asyncio.run(story())


def test_what_is_counted_too_slowly_at_first_comes_later_and_the_rest_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "PATIENCE_SECONDS", 2.0)
    released = threading.Event()

    def count() -> Ends:
        assert released.wait(30)
        return Ends(Counter(site=3), {})

    async def story() -> None:
        reader = FigureReader(lambda: Figures({"site": Standing(release=7)}, 41, Counter()), count)
        metrics = Metrics(figures=reader)
        text = await scrape(metrics)
        assert "trustyard_database_up 1.0" in text
        assert 'trustyard_release_number{environment="site"} 7.0' in text
        assert "trustyard_certificates_expired" not in text, "nothing is better than a wrong number"
        released.set()
        await reader.ends.newest()
        assert 'trustyard_certificates_expired{environment="site"} 3.0' in await scrape(metrics)
        metrics.close()

    asyncio.run(story())


def test_a_database_that_is_away_shows_and_old_figures_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(figures, "REST", 0)
    answers = [NOTHING]

    async def story() -> None:
        metrics = Metrics(figures=FigureReader(answers.pop, lambda: NO_ENDS))
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

    def hang() -> Figures:
        assert released.wait(30)
        return NOTHING

    async def story() -> None:
        metrics = Metrics(figures=FigureReader(hang, lambda: NO_ENDS))
        assert "trustyard_database_up 0.0" in await scrape(metrics)
        assert "trustyard_database_up 0.0" in await scrape(metrics)  # and starts no second look beside the first
        released.set()
        while "trustyard_database_up 1.0" not in await scrape(metrics):
            pass
        metrics.close()

    asyncio.run(story())
