"""Deliveries inside one process: one at a time for each gateway, left alone after a failure, and not for good."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from trustyard import models
from trustyard.actions import delivery, environments, gateways, releases
from trustyard.actions.actors import LOCAL
from trustyard.jobs import deliveries, runner
from trustyard.jobs.deliveries import Deliveries

from .conftest import WAIT, Folder, idle

pytestmark = pytest.mark.django_db(transaction=True)


class Told:
    """What the metrics are told, in the order of time; each is the end of a delivery."""

    def __init__(self) -> None:
        self._words: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()

    def __call__(self, kind: str, state: str) -> None:
        self._words.put((kind, state))

    def next(self) -> tuple[str, str]:
        return self._words.get(timeout=WAIT)


class Slow:
    """An answer that waits to be let go."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.go_on.wait(WAIT)
        return "accepted"


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def work(told: Told) -> Iterator[Deliveries]:
    work = Deliveries(told)
    yield work
    work.stop()


def test_what_did_not_take_its_release_is_left_alone_until_there_is_news(
    work: Deliveries, folder: Folder, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "FIRST_PAUSE", 30.0)
    folder.answers.put(lambda: "unreachable")
    work.look()
    assert (folder.next(), told.next()) == (1, ("files", "unreachable"))
    idle(work)
    work.look()
    idle(work)
    assert folder.brought.empty()
    work.try_again()
    work.look()
    assert (folder.next(), told.next()) == (1, ("files", "accepted"))
    idle(work)
    assert not delivery.behind()


def test_what_did_not_take_its_release_is_tried_again_after_a_pause_that_grows(
    work: Deliveries, folder: Folder, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "FIRST_PAUSE", 0.1)
    for state in ("unreachable", "refused", "unreachable"):
        folder.answers.put(lambda state=state: state)  # type: ignore[misc]  # bound at once
        while folder.brought.empty():
            work.look()
        assert (folder.next(), told.next()) == (1, ("files", state))
        idle(work)
    pauses = [after - before for before, after in itertools.pairwise(folder.moments)]
    assert all(pause >= least / 2 for pause, least in zip(pauses, (0.1, 0.2), strict=True))
    [patience] = work._patience.values()
    assert patience.attempts == 3
    environments.update(LOCAL, "test", if_match="*", root_set="mozilla")
    releases.deploy(LOCAL, "test")
    folder.answers.put(lambda: "refused")
    while folder.brought.empty():
        work.look()
    assert (folder.next(), told.next()) == (2, ("files", "refused"))
    idle(work)
    [patience] = work._patience.values()
    assert patience.attempts == 1, "another release begins with a short pause"
    while folder.brought.empty():
        work.look()
    assert (folder.next(), told.next()) == (2, ("files", "accepted"))
    idle(work)
    assert not work._patience, "and so does what is lost later"


def test_a_release_during_a_delivery_is_brought_after_it(work: Deliveries, folder: Folder, told: Told) -> None:
    slow = Slow()
    folder.answers.put(slow)
    work.look()
    assert slow.begun.wait(WAIT)
    environments.update(LOCAL, "test", if_match="*", root_set="mozilla")
    assert releases.deploy(LOCAL, "test").created
    work.look()
    work.look()
    slow.go_on.set()
    assert [folder.next(), folder.next()] == [1, 2]
    assert [told.next(), told.next()] == [("files", "accepted")] * 2
    idle(work)
    assert folder.brought.empty()
    assert not delivery.behind()


def test_a_gateway_that_is_removed_during_a_delivery_is_no_fault(work: Deliveries, folder: Folder) -> None:
    def removed() -> str:
        gateways.delete(LOCAL, "test", "edge", if_match="*")
        return "accepted"

    folder.answers.put(removed)
    with capture_logs() as lines:
        work.look()
        assert folder.next() == 1
        idle(work)
    assert not [line for line in lines if line["log_level"] in ("warning", "error")]


def test_what_took_its_release_is_brought_it_again_where_it_was_lost(work: Deliveries, folder: Folder) -> None:
    work.look()
    assert folder.next() == 1
    idle(work)
    work.look()
    idle(work)
    assert folder.brought.empty()
    work.redeliver(models.Gateway.objects.get().pk)
    assert folder.next() == 1
    idle(work)
    work.look_at_all()
    assert folder.next() == 1
    work.redeliver(0)  # removed meanwhile
    idle(work)
    assert folder.brought.empty()


def test_a_delivery_whose_receipt_cannot_be_stored_is_not_the_last(
    work: Deliveries, folder: Folder, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OSError("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "record", away)
        work.look()
        assert folder.next() == 1
        idle(work)
    work.look()
    assert (folder.next(), told.next()) == (1, ("files", "accepted"))


def test_the_stop_waits_for_what_is_under_way_and_its_receipt(work: Deliveries, folder: Folder) -> None:
    slow = Slow()
    folder.answers.put(slow)
    work.look()
    assert slow.begun.wait(WAIT)
    threading.Timer(0.3, slow.go_on.set).start()
    work.stop()
    assert not delivery.behind()


def test_news_are_a_delivery_at_once_also_to_what_is_to_be_tried_later(
    folder: Folder, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "FIRST_PAUSE", 30.0)
    for name in ("LOOK_SECONDS", "VERIFY_SECONDS"):
        monkeypatch.setattr(runner, name, 3600)
    folder.answers.put(lambda: "refused")
    running = runner.Runner(told)
    running.start()
    try:
        assert (folder.next(), told.next()) == (1, ("files", "refused"))
        idle(running.deliveries)
        releases.deploy(LOCAL, "test")
        assert (folder.next(), told.next()) == (1, ("files", "accepted"))
    finally:
        running.stop()


def test_after_the_stop_nothing_is_begun(work: Deliveries, folder: Folder) -> None:
    work.stop()
    work.look()
    idle(work)
    assert folder.brought.empty()
