"""What one process does by itself, without a queue: all of it once at the start, and nothing after the stop."""

from __future__ import annotations

import queue
import threading
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from tests.server.serving import eventually
from trustyard.actions import proofs
from trustyard.jobs.deliveries import Deliveries
from trustyard.jobs.runner import Runner

from .conftest import LISTENER, WAIT, Folder, idle
from .test_statistics import has_figures, uncounted  # noqa: F401 - a fixture

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]


@pytest.mark.usefixtures("uncounted")
def test_a_start_reads_back_looks_at_listeners_cleans_up_and_drops_figures_of_few_rows(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, looks = Deliveries(), queue.SimpleQueue[str]()
    before.look()
    assert folder.next() == 1
    before.stop()
    Session.objects.create(session_key="ended", expire_date=timezone.now() - timedelta(hours=1))
    monkeypatch.setattr(proofs, "observe", lambda one: looks.put(one.probe.address) or "observed")
    connection.cursor().execute("ANALYZE")
    running = Runner()
    running.start()
    try:
        assert folder.next() == 1, "though it said that it has it"
        assert looks.get(timeout=WAIT) == LISTENER
        eventually(lambda: not Session.objects.exists())
        eventually(lambda: not has_figures())
    finally:
        running.stop()


@pytest.mark.parametrize("last", ["delivery", "look"])
def test_the_stop_waits_for_the_delivery_and_for_the_look_that_are_under_way(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    before, begun, ended = Deliveries(), threading.Semaphore(0), queue.SimpleQueue[str]()
    go_on = {"delivery": threading.Event(), "look": threading.Event()}

    def work(kind: str, answer: str) -> str:
        begun.release()
        assert go_on[kind].wait(WAIT)
        ended.put(kind)
        return answer

    before.look()
    idle(before)
    before.stop()
    folder.answers.put(lambda: work("delivery", "accepted"))
    monkeypatch.setattr(proofs, "observe", lambda one: work("look", "observed"))
    running = Runner()
    running.start()
    for _ in go_on:
        assert begun.acquire(timeout=WAIT)
    go_on["look" if last == "delivery" else "delivery"].set()
    threading.Timer(0.3, go_on[last].set).start()
    running.stop()
    assert ended.qsize() == 2
