"""Turns of threads, in the order in which these asked."""

from __future__ import annotations

import threading
from collections import deque

SECONDS = 20.0  # that a change waits for its turn, and then again for other processes


class Turns:
    """A lock that whoever has waited longest gets next; `threading.Lock` gives it to whoever comes by."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    def take(self, seconds: float) -> bool:
        """Waits so long for a turn; answers whether it came."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            called = threading.Event()
            self._waiting.append(called)
        if called.wait(seconds):
            return True
        with self._lock:
            if called.is_set():  # just now
                return True
            self._waiting.remove(called)
            return False

    def leave(self) -> None:
        """Ends the turn, which the next one has then."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
