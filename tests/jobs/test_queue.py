"""The queue on PostgreSQL: one job waits under each key, and a job is there if the transaction is that put it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.db import OperationalError, connection, transaction
from structlog.testing import capture_logs

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def empty(transactional_db: None) -> Iterator[None]:
    yield
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


def waiting() -> list[tuple[str, int, bool]]:
    """Key, number, and whether it is due."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT queueing_lock, (args->>'number')::int, scheduled_at IS NULL OR scheduled_at <= now()"
            " FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id"
        )
        return list(cursor.fetchall())


def stored() -> int:
    """Jobs of any kind."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs")
        return int(cursor.fetchone()[0])


def test_what_is_put_takes_the_place_of_what_waits_and_of_its_patience() -> None:
    from trustyard.jobs import queue

    with capture_logs() as lines:
        queue.put([queue.job("deliver", "one", pause=60, number=1), queue.job("deliver", "two", pause=60, number=1)])
        assert waiting() == [("one", 1, False), ("two", 1, False)]
        queue.put([queue.job("deliver", "one", number=2)])
        assert waiting() == [("two", 1, False), ("one", 2, True)]
    assert lines == []
    assert stored() == 2, "nothing is left of what was replaced"


def test_what_is_added_leaves_what_waits_as_it_is() -> None:
    from trustyard.jobs import queue

    queue.add([queue.job("deliver", "one", pause=60, number=1)])
    queue.add([queue.job("deliver", "one", number=2), queue.job("deliver", "two", number=2)])
    assert waiting() == [("one", 1, False), ("two", 2, True)]


def test_a_transaction_that_is_rolled_back_puts_nothing_and_takes_nothing() -> None:
    from trustyard.jobs import queue

    queue.put([queue.job("deliver", "one", number=1)])
    with suppress(LookupError), transaction.atomic():
        queue.put([queue.job("deliver", "one", number=2), queue.job("deliver", "two", number=2)])
        raise LookupError
    assert waiting() == [("one", 1, True)]


def test_of_two_transactions_that_put_under_one_key_the_later_commit_stays() -> None:
    """And neither fails: the second waits for the first, then takes its place."""
    from trustyard.jobs import queue

    put, finish = threading.Event(), threading.Event()

    def first() -> None:
        with transaction.atomic():
            queue.put([queue.job("deliver", "one", number=1)])
            put.set()
            finish.wait(20)
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert put.wait(20)
    threading.Timer(0.2, finish.set).start()
    with transaction.atomic():
        queue.put([queue.job("deliver", "one", number=2)])
    thread.join()
    assert waiting() == [("one", 2, True)]


def test_who_has_a_key_takes_over_what_is_due_under_it_and_leaves_what_is_not() -> None:
    from trustyard.jobs import queue

    queue.put([queue.job("deliver", "due", number=1), queue.job("deliver", "later", pause=60, number=1)])
    assert (queue.take_over("due"), queue.take_over("later"), queue.take_over("none")) == (True, False, False)
    assert waiting() == [("later", 1, False)]
    assert stored() == 1, "nothing is left of what was taken over"


def test_what_the_database_does_not_take_is_told_as_django_tells_it() -> None:
    """Whoever saves is told that the database is busy, not that nobody foresaw what went wrong."""
    from trustyard.jobs import queue

    queue.put([queue.job("deliver", "one", number=1)])
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE procrastinate_jobs IN SHARE MODE")  # it can be read
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        for change in (queue.put, queue.add):
            with pytest.raises(OperationalError):
                change([queue.job("deliver", "two", number=1)])
        with pytest.raises(OperationalError):
            queue.take_over("one")
    finally:
        other.close()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
    assert waiting() == [("one", 1, True)]
