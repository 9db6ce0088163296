"""How many threads may wait for foreign servers and the linter: of those that answer everybody, and one actor's."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from trustyard.errors import Unavailable

from . import requests
from .actors import Actor

PLACES = 2
EACH = 8  # of one person or token: half of the threads that requests which connect have for themselves
SHARED = 12  # of all: beyond them the last quarter of these threads is for whoever waits for nothing yet
_PLACES = threading.BoundedSemaphore(PLACES)
_counting = threading.Lock()
_under_way: Counter[str] = Counter()  # by actor
_SOON = "Try again in a few seconds."


@contextmanager
def place(actor: Actor) -> Iterator[None]:
    """While this lasts a foreign server, or the linter, may be waited for. Raises `Unavailable` (`busy`).

    Requests that connect have threads of their own, chosen by how they look from outside: one actor takes half of them
    at most, and of the last ones no second, so that two do not take them all. Few places are for requests that look
    otherwise: by mistake, or so that the console stands still for everybody.
    """
    with _share(actor):
        if not requests.is_hurried():
            yield
            return
        if not _PLACES.acquire(blocking=False):
            raise Unavailable("Too many connections to other servers are under way.", code="busy", advice=_SOON)
        try:
            yield
        finally:
            _PLACES.release()


@contextmanager
def _share(actor: Actor) -> Iterator[None]:
    """One of the places of this actor. What the schedule and local commands do keeps no thread of requests."""
    if not requests.current_id():
        yield
        return
    whose = actor.key
    with _counting:
        if sentence := _too_many(actor):
            raise Unavailable(sentence, code="busy", advice=_SOON)
        _under_way[whose] += 1
    try:
        yield
    finally:
        with _counting:
            _under_way[whose] -= 1
            if not _under_way[whose]:
                del _under_way[whose]


def _too_many(actor: Actor) -> str:
    """Why this actor gets no place more; nothing where it does."""
    own = _under_way[actor.key]
    if own >= EACH:
        return f"{actor.name} has {EACH} requests under way that wait for other servers or for the linter."
    if own and _under_way.total() >= SHARED:
        return f"{actor.name} waits for another server or for the linter already; the last places are for others."
    return ""
