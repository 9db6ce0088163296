"""The figures of the database for `/metrics`: read in a thread, at most every few seconds, and not waited for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

import structlog
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trustyard.actions import figures
from trustyard.actions.figures import Ends, Figures
from trustyard.models.connections import looked_after

log = structlog.get_logger(__name__)
Value = TypeVar("Value")
FRESH_SECONDS = 15.0  # figures younger than this are shown again
ENDS_SECONDS = 300.0  # those of certificates move slowly, and take longest: a look of its own, that holds up no other
REST = 20  # times the duration of a look, until the next one: however large the tables, looks take 5 % of the time
PATIENCE_SECONDS = 3.0  # for a database that answers; one that hangs holds up no scrape


class _Looks(Generic[Value]):
    """Looks of one kind at the database, in a thread of their own: none before it is due, and never two at once."""

    def __init__(self, name: str, look: Callable[[], Value], fresh: Callable[[], float]) -> None:
        self._threads = ThreadPoolExecutor(1, name)
        self._look, self._fresh = look, fresh
        self._newest: asyncio.Future[None] | None = None
        self._begun = float("-inf")
        self.found: Value | None = None
        self.seconds = 0.0  # that the last look took
        self.at = 0.0  # when it ended, in seconds since 1970

    def newest(self) -> asyncio.Future[None]:
        """One that begins now, where that is due, else the one before, which may be under way."""
        fresh = FRESH_SECONDS if self.found is None else self._fresh()
        due = time.monotonic() - self._begun > max(fresh, REST * self.seconds)
        if self._newest is None or (self._newest.done() and due):
            self._begun = time.monotonic()
            self._newest = asyncio.get_running_loop().run_in_executor(self._threads, self._run)
        return self._newest

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        try:
            with looked_after():
                self.found = self._look()
        except Exception:  # the database is away: old figures would say that all is well
            log.warning("figures.not_read", exc_info=True)
            self.found = None
        self.seconds, self.at = time.monotonic() - self._begun, time.time()


class FigureReader:
    """Reads when asked and no sooner, so that nobody pays for figures that nobody scrapes."""

    def __init__(self, read: Callable[[], Figures] = figures.read, ends: Callable[[], Ends] = figures.ends) -> None:
        self.states = _Looks("figures", read, lambda: FRESH_SECONDS)
        self.ends = _Looks("ends", ends, lambda: ENDS_SECONDS)
        self.up = False

    async def refresh(self) -> None:
        """Afterwards the figures are fresh, or there are none, or the database is slow and they are those of before.

        Ends of validity are waited for where there are none yet, and else shown as they were.
        """
        look, ends = self.states.newest(), self.ends.newest()
        await asyncio.wait({look} if self.ends.found else {look, ends}, timeout=PATIENCE_SECONDS)
        self.up = look.done() and self.states.found is not None

    def close(self) -> None:
        self.states.close()
        self.ends.close()


class FigureCollector(Collector):
    """Turns figures into metrics. Every node shows the same, since all have one database: use `max`, not `sum`."""

    def __init__(self, reader: FigureReader) -> None:
        self._reader = reader

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        reader, states, now = self._reader, self._reader.states, self._reader.states.found
        yield _plain("database_up", "Whether the last look at the database succeeded in time.", float(reader.up))
        yield _plain("figures_seconds", "How long the last look at the database took.", states.seconds)
        yield _plain("figures_timestamp_seconds", "When the last look at the database ended.", states.at)
        yield _plain("ends_seconds", "How long it took to count the ends of validity.", reader.ends.seconds)
        if now is None:
            return
        yield CounterMetricFamily("trustyard_audit_events", "Events in the audit chain.", value=now.audit_events)
        if reader.ends.found is not None:
            yield from _ends(now, reader.ends.found)
        yield from _standings(now)
        jobs = GaugeMetricFamily("trustyard_jobs", "Jobs kept in PostgreSQL, by state.", labels=["state"])
        for state, count in now.jobs.items():
            jobs.add_metric([state], count)
        yield jobs


def _ends(now: Figures, ends: Ends) -> Iterator[Metric]:
    yield _by_environment(
        "certificates_expired",
        "Entries past their end of validity, not revoked.",
        {name: ends.expired[name] for name in now.environments},
    )
    expiring = GaugeMetricFamily(
        "trustyard_certificates_expiring",
        "Entries that are valid now and end within so many days.",
        labels=["environment", "days"],
    )
    for days, counts in ends.expiring.items():
        for name in now.environments:
            expiring.add_metric([name, str(days)], counts[name])
    yield expiring


def _standings(now: Figures) -> Iterator[Metric]:
    places = now.environments
    yield _by_environment(
        "release_number", "The newest release.", {name: place.release for name, place in places.items()}
    )
    behind = {name: place.behind for name, place in places.items()}
    yield _by_environment("gateways_behind", "Gateways with a node that lacks the newest release.", behind)
    age = {name: place.undelivered_seconds for name, place in places.items()}
    yield _by_environment("release_undelivered_seconds", "For how long a gateway has lacked a release.", age)
    gateways = GaugeMetricFamily(
        "trustyard_gateways", "Gateways by the worst state of their nodes.", labels=["environment", "state"]
    )
    nodes = GaugeMetricFamily(
        "trustyard_gateway_nodes", "Nodes by what they say of the newest release.", labels=["environment", "state"]
    )
    for name, place in places.items():
        for state in figures.GATEWAY_STATES:
            gateways.add_metric([name, state], place.gateways[state])
        for state in figures.NODE_STATES:
            nodes.add_metric([name, state], place.nodes[state])
    yield gateways
    yield nodes


def _plain(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(f"trustyard_{name}", says, value=value)


def _by_environment(name: str, says: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"trustyard_{name}", says, labels=["environment"])
    for environment, value in values.items():
        family.add_metric([environment], value)
    return family
