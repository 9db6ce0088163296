"""Rounds: at once, again, when somebody says so, and after a failure too."""

from __future__ import annotations

import threading

from trustyard.jobs.rounds import Rounds

WAIT = 20


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
    rounds.start()
    for _ in range(3):
        assert done.acquire(timeout=WAIT)
    rounds.stop()


def test_news_during_a_round_are_another_round() -> None:
    """What the round under way had seen may be older than the news."""
    begun, go_on, done = threading.Event(), threading.Event(), threading.Semaphore(0)

    def work() -> None:
        begun.set()
        assert go_on.wait(WAIT)
        done.release()

    rounds = Rounds("test", work, 3600)
    rounds.start()
    assert begun.wait(WAIT)
    rounds.now()
    go_on.set()
    assert done.acquire(timeout=WAIT)
    assert done.acquire(timeout=WAIT)
    rounds.stop()


def test_the_stop_waits_for_the_round_under_way_and_no_other_is_begun() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), threading.Semaphore(0)

    def work() -> None:
        begun.set()
        assert go_on.wait(WAIT)
        done.release()

    rounds = Rounds("test", work, 0)
    rounds.start()
    assert begun.wait(WAIT)
    threading.Timer(0.1, go_on.set).start()
    rounds.stop()
    assert done.acquire(blocking=False)
    assert not done.acquire(timeout=0.1)


def test_rounds_that_never_began_can_be_stopped() -> None:
    Rounds("test", lambda: None, 3600).stop()
