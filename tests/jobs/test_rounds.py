"""Rounds: at once, again, when somebody says so, and after a failure too."""

from __future__ import annotations

import threading

from structlog.testing import capture_logs

from trustyard.jobs.rounds import Rounds

WAIT = 20


class Slow:
    """A job that has begun and goes on when it is told to."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.done = threading.Event(), threading.Event(), threading.Semaphore(0)

    def __call__(self) -> None:
        self.begun.set()
        assert self.go_on.wait(WAIT)
        self.done.release()


def test_the_first_round_comes_at_once_and_another_as_soon_as_somebody_says_so() -> None:
    done = threading.Semaphore(0)
    rounds = Rounds("test", done.release, 3600)
    rounds.start()
    assert done.acquire(timeout=WAIT)
    rounds.now()
    assert done.acquire(timeout=WAIT)
    rounds.stop()
    assert not done.acquire(blocking=False)


def test_rounds_go_on_by_themselves_and_a_round_that_fails_is_not_the_last() -> None:
    done = threading.Semaphore(0)

    def fail() -> None:
        done.release()
        raise OSError("The database is away.")

    rounds = Rounds("test", fail, 0.01)
    with capture_logs() as lines:
        rounds.start()
        for _ in range(3):
            assert done.acquire(timeout=WAIT)
        rounds.stop()
    assert {(line["event"], line["log_level"], line["job"]) for line in lines} == {("round.failed", "error", "test")}


def test_news_during_a_round_are_another_round() -> None:
    """What the round under way had seen may be older than the news."""
    job = Slow()
    rounds = Rounds("test", job, 3600)
    rounds.start()
    assert job.begun.wait(WAIT)
    rounds.now()
    job.go_on.set()
    assert job.done.acquire(timeout=WAIT)
    assert job.done.acquire(timeout=WAIT)
    rounds.stop()


def test_the_stop_waits_for_the_round_under_way_and_no_other_is_begun() -> None:
    job = Slow()
    rounds = Rounds("test", job, 0)
    rounds.start()
    assert job.begun.wait(WAIT)
    threading.Timer(0.1, job.go_on.set).start()
    rounds.stop()
    assert job.done.acquire(blocking=False)
    assert not job.done.acquire(timeout=0.1)


def test_rounds_that_never_began_can_be_stopped() -> None:
    Rounds("test", lambda: None, 3600).stop()
