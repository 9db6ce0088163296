"""A job repeated in a thread of its own; elapsed time counts, so that setting the clock does not stop it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Rounds:
    """Does a job at once, then every `seconds`, give or take `jitter`, and as soon as somebody calls `now`."""

    def __init__(self, name: str, job: Callable[[], object], seconds: float, *, jitter: float = 0.0) -> None:
        self._name, self._job = name, job
        self._seconds, self._jitter = seconds, jitter
        self._woken, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"rounds of {name}", daemon=True)

    def start(self) -> None:
        """Starts the first round."""
        self._thread.start()

    def now(self) -> None:
        """Starts a round at once, or right after the running one, which may have seen an older state."""
        self._woken.set()

    def stop(self) -> None:
        """Waits for the running round to end, and starts no other."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self._job()
            except Exception:  # the database, most likely; the next round comes
                log.exception("round.failed", job=self._name)
            pause = self._seconds + random.uniform(-self._jitter, self._jitter)  # noqa: S311 - jitter, no secret
            self._woken.wait(pause)
            self._woken.clear()
