"""How many of the threads that answer everybody may wait for a foreign server at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from trustyard.errors import Unavailable

from . import requests

PLACES = 2
_PLACES = threading.BoundedSemaphore(PLACES)


@contextmanager
def place() -> Iterator[None]:
    """While this lasts a connection may be waited for. Raises `Unavailable` (`busy`) where too many do already.

    Requests that connect have threads of their own, chosen by how they look from outside. This is for those that
    look otherwise: by mistake, or so that the console stands still for everybody.
    """
    if not requests.is_hurried():
        yield
        return
    if not _PLACES.acquire(blocking=False):
        sentence = "Too many connections to other servers are under way."
        raise Unavailable(sentence, code="busy", advice="Try again in a few seconds.")
    try:
        yield
    finally:
        _PLACES.release()
