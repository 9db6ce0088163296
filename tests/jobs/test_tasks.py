"""Jobs that nodes on PostgreSQL share: what a delivery and a look leave behind for later, and what is enqueued when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection

from trustyard import models
from trustyard.actions import environments, gateways, proofs, releases
from trustyard.actions.actors import LOCAL

from .conftest import LISTENER, Folder

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
Job = tuple[str, dict[str, Any], bool]


class Worker:
    """What a worker does with a delivery to the gateway, and what the metrics are told then."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def deliver(self, **arguments: Any) -> None:
        from trustyard.jobs import tasks

        context: Any = SimpleNamespace(additional_context={"told": lambda *said: self.told.append(said)})
        tasks.deliver(context, edge(), **arguments)


@pytest.fixture
def worker(transactional_db: None) -> Iterator[Worker]:
    clear()
    yield Worker()
    clear()


def edge() -> int:
    """The gateway's number."""
    row = models.Gateway.objects.first()
    return row.pk if row else 0


def break_off() -> None:
    """The server ends the connection of this thread."""
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def clear() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


def waiting(*, status: str = "todo") -> list[Job]:
    """Key, arguments, and whether it is due."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT queueing_lock, args::text, scheduled_at IS NULL OR scheduled_at <= clock_timestamp()"
            " FROM procrastinate_jobs WHERE status::text = %s ORDER BY id",
            [status],
        )
        return [(key, json.loads(arguments), due) for key, arguments, due in cursor.fetchall()]


def test_a_delivery_that_is_not_taken_is_tried_again_later_and_later_and_anew_for_another_release(
    worker: Worker,
    folder: Folder,
) -> None:
    for _ in range(5):
        folder.answers.put(lambda: "refused")
    key = f"gateway {edge()}"
    worker.deliver()
    for failures in (1, 2, 3):
        [(at, arguments, due)] = waiting()
        assert (at, arguments["number"], arguments["failures"], due) == (key, 1, failures, False)
        clear()
        worker.deliver(**{name: arguments[name] for name in ("number", "failures")})
    clear()
    environments.update(LOCAL, "test", if_match="*", root_set="mozilla")
    releases.deploy(LOCAL, "test")
    worker.deliver(number=1, failures=4)
    [(at, arguments, due)] = waiting()
    assert (at, arguments["number"], arguments["failures"], due) == (key, 2, 1, False)
    assert worker.told == [("files", "refused")] * 5
    clear()
    worker.deliver()
    assert (waiting(), worker.told[-1]) == ([], ("files", "accepted"))


def test_what_is_enqueued_during_a_delivery_is_done_by_the_same_worker(worker: Worker, folder: Folder) -> None:
    from trustyard.jobs import queue, tasks

    def enqueue() -> str:
        queue.put([tasks.delivery_to(edge())])
        return "refused"

    folder.answers.put(enqueue)
    worker.deliver()
    assert [folder.next(), folder.next()] == [1, 1]
    assert (waiting(), worker.told) == ([], [("files", "accepted")])


def test_a_gateway_that_was_removed_leaves_nothing_to_do(worker: Worker, folder: Folder) -> None:
    gateways.delete(LOCAL, "test", "edge", if_match="*")
    clear()
    worker.deliver()
    assert (waiting(), worker.told) == ([], [])


def test_a_look_is_followed_by_the_next_one_for_as_long_as_it_is_asked_for(
    worker: Worker, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trustyard.jobs import tasks

    worker.deliver()
    found = {"state": "drifted"}
    monkeypatch.setattr(proofs, "observe", lambda one: found["state"])

    def look(**arguments: Any) -> dict[str, Any]:
        """The next look, which is not due yet; and what else waits is due."""
        clear()
        tasks.probe(edge(), LISTENER, **arguments)
        jobs = {key: (arguments, due) for key, arguments, due in waiting()}
        arguments, due = jobs.pop(f"listener {LISTENER} of gateway {edge()}")
        assert not due
        assert {key: due for key, (_, due) in jobs.items()} == (
            {f"gateway {edge()}": True} if found["state"] == "drifted" else {}
        )
        return arguments

    first = look(number=1)
    assert first == {"gateway_id": edge(), "address": LISTENER, "number": 1, "misses": 1}
    assert look(number=1, misses=1)["misses"] == 2
    assert look(number=0, misses=5)["misses"] == 1, "of another release"
    found["state"] = "observed"
    assert look(number=1, misses=5)["misses"] == 0
    clear()
    tasks.probe(edge(), "127.0.0.1:1", number=1)
    assert waiting() == [], "nobody asks for a look there"


def test_what_is_read_back_comes_after_what_is_new(worker: Worker, folder: Folder) -> None:
    from trustyard.jobs import queue, tasks

    def priority() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT priority FROM procrastinate_jobs WHERE status = 'todo'")
            [(priority,)] = cursor.fetchall()
        return int(priority)

    tasks.read_back(0)
    read_back = priority()
    queue.put([tasks.delivery_to(edge())])
    assert read_back < priority()


def test_a_node_enqueues_every_gateway_at_its_start_and_then_what_is_behind_and_nobody_works_on(
    worker: Worker,
    folder: Folder,
) -> None:
    from trustyard.jobs import queue
    from trustyard.jobs.queued import Queued

    worker.deliver()
    clear()
    environments.create(LOCAL, name="other")
    key = f"gateway {edge()}"
    queued = Queued(lambda kind, state: None, works=False)
    try:
        queued._look()
        assert [(at, due) for at, _, due in waiting()] == [(key, True)], "it may have been lost while nobody looked"
        clear()
        queued._look()
        assert waiting() == [], "it has its release"
        releases.deploy(LOCAL, "other")
        assert waiting() == [], "it is not in that one"
        queue.put([queue.job("deliver", key, pause=60, gateway_id=edge())])
        environments.update(LOCAL, "test", if_match="*", root_set="mozilla")
        releases.deploy(LOCAL, "test")
        assert [(at, due) for at, _, due in waiting()] == [(key, True)], "in the transaction of the news"
        clear()
        break_off()
        queued._look()
        assert [(at, due) for at, _, due in waiting()] == [(key, True)], "such a job was lost"
        with connection.cursor() as cursor:
            cursor.execute("UPDATE procrastinate_jobs SET status = 'doing'")
        queued._look()
        assert waiting() == [], "it is under way"
    finally:
        queued.stop()
    releases.deploy(LOCAL, "test")
    assert waiting() == [], "who stopped hears no news"


def test_a_node_enqueues_looks_and_one_at_another_release_for_now(worker: Worker, folder: Folder) -> None:
    from trustyard.jobs.queued import Queued

    worker.deliver()
    queued = Queued(lambda kind, state: None, works=False)
    queued.stop()
    queued._look_for_probes()
    [(key, arguments, due)] = waiting()
    assert (key, arguments["number"], due) == (f"listener {LISTENER} of gateway {edge()}", 1, True)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 minute'")
    queued._look_for_probes()
    [(_, arguments, due)] = waiting()
    assert (arguments["number"], due) == (1, False), "it has its turn"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing'")
    break_off()
    queued._look_for_probes()
    assert waiting() == [], "it is under way"
    environments.update(LOCAL, "test", if_match="*", root_set="mozilla")
    releases.deploy(LOCAL, "test")
    worker.deliver()
    queued._look_for_probes()
    [(_, arguments, due)] = waiting()
    assert (arguments["number"], due) == (2, True)
