"""Looks at listeners: again after a while, soon where it was otherwise than wanted, at once for another release."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError
from structlog.testing import capture_logs

from trustyard.actions import news, proofs
from trustyard.actions.delivery import GatewayGiven
from trustyard.actions.proofs import Wanted
from trustyard.gateways.proof import Probe
from trustyard.jobs import probes
from trustyard.jobs.probes import Probes, observe

from .conftest import WAIT, idle

pytestmark = pytest.mark.django_db


def listener(number: int = 1, address: str = "127.0.0.1:8443", kind: str = "files") -> Wanted:
    return Wanted(GatewayGiven(7, "test", "edge", kind, {}, 1), Probe(address=address), number)


class Seen:
    """What is to be looked at, what is found there (`observed`, else what a test says), and every look."""

    def __init__(self) -> None:
        self.wanted = [listener()]
        self.found: Callable[[], str | None] = lambda: "observed"
        self.looks: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
        self.moments: list[float] = []

    def observe(self, one: Wanted) -> str | None:
        self.moments.append(time.monotonic())
        self.looks.put((one.probe.address, one.number))
        return self.found()

    def next(self) -> tuple[str, int]:
        return self.looks.get(timeout=WAIT)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    seen = Seen()
    monkeypatch.setattr(proofs, "wanted", lambda: seen.wanted)
    monkeypatch.setattr(proofs, "observe", seen.observe)
    return seen


@pytest.fixture
def looking() -> Iterator[Probes]:
    looking = Probes()
    yield looking
    looking.stop()


def again(looking: Probes) -> None:
    looking.look()
    idle(looking)


def test_a_listener_where_all_is_well_is_left_alone_for_a_while_and_another_release_is_looked_at_at_once(
    looking: Probes, seen: Seen
) -> None:
    again(looking)
    again(looking)
    seen.wanted = [listener(2), listener(2, "127.0.0.1:9443")]
    again(looking)
    assert sorted([seen.next(), seen.next(), seen.next()]) == [
        ("127.0.0.1:8443", 1), ("127.0.0.1:8443", 2), ("127.0.0.1:9443", 2)
    ]  # fmt: skip
    again(looking)
    assert seen.looks.empty()
    seen.wanted = []
    again(looking)
    seen.wanted = [listener(2)]
    again(looking)
    assert seen.next() == ("127.0.0.1:8443", 2), "it was not asked for meanwhile, so what was seen is old"


def broken() -> str:
    raise OSError("The database is away.")


@pytest.mark.parametrize("found", [lambda: "drifted", lambda: "open", lambda: None, broken])
def test_a_listener_that_is_otherwise_than_wanted_is_looked_at_again_soon_and_then_less_often(
    looking: Probes, seen: Seen, found: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "FIRST_PAUSE", 0.05)
    seen.found = found
    for _ in range(4):
        while seen.looks.empty():
            again(looking)
        seen.next()
    pauses = [after - before for before, after in itertools.pairwise(seen.moments)]
    assert all(pause >= 0.8 * least for pause, least in zip(pauses, (0.05, 0.1, 0.2), strict=True))
    assert max(pauses) < 30, "a listener where all is well has a minute"
    seen.wanted = [listener(2)]
    again(looking)
    assert seen.next() == ("127.0.0.1:8443", 2)
    assert [turn.misses for turn in looking._turns.values()] == [1], "another release begins anew"
    seen.found = lambda: "accepted"
    while seen.looks.empty():
        again(looking)
    seen.next()
    again(looking)
    assert seen.looks.empty(), "all is well again"


def test_one_look_at_a_time_is_at_each_listener(looking: Probes, seen: Seen) -> None:
    go_on = threading.Event()
    seen.found = lambda: "observed" if go_on.wait(WAIT) else None
    looking.look()
    seen.next()
    seen.wanted = [listener(2)]
    looking.look()
    assert seen.looks.empty()
    go_on.set()
    idle(looking)
    again(looking)
    assert seen.next() == ("127.0.0.1:8443", 2)


@pytest.mark.parametrize(
    ("state", "kind", "well", "mended", "news_for"),
    [
        ("observed", "envoy", True, [], []),
        ("accepted", "envoy", True, [], []),
        ("drifted", "envoy", False, [7], ["test"]),
        ("drifted", "agent", False, [7], []),  # one that refused its release would try it again at every look
        ("open", "envoy", False, [], []),
        (None, "envoy", False, [], []),
    ],
)
def test_what_drifted_is_brought_again_and_told_to_streams(
    seen: Seen, state: str | None, kind: str, well: bool, mended: list[int], news_for: list[str]
) -> None:
    brought: list[int] = []
    told: list[str] = []
    unsubscribe = news.subscribe_within(told.append)
    seen.found = lambda: state
    assert observe(listener(kind=kind), brought.append) is well
    unsubscribe()
    assert (brought, told) == (mended, news_for)


def test_after_the_stop_nothing_is_looked_at(looking: Probes, seen: Seen) -> None:
    looking.stop()
    again(looking)
    assert seen.looks.empty()


def test_a_look_that_fails_is_in_the_log_and_one_that_alarms_names_the_gateway_and_the_address(seen: Seen) -> None:
    def away() -> str:
        raise OperationalError("The database is away.")

    place = {"environment": "test", "gateway": "edge", "release": 1}
    seen.found = away
    with capture_logs() as lines:
        assert not observe(listener(), lambda _: None)
    assert [(line["event"], line["log_level"], {key: line[key] for key in place}) for line in lines] == [
        ("probe.failed", "error", place)
    ]
    seen.found = lambda: "open"
    with capture_logs() as lines:
        assert not observe(listener(), lambda _: None)
    [line] = lines
    said = {"event": "probe.alarm", "log_level": "warning", "state": "open", "address": "127.0.0.1:8443", **place}
    assert line == said
