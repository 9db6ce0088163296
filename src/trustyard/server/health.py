"""Whether this server lives (`/healthz`), and whether it can do its work (`/readyz`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.db import connection

from trustyard.models.connections import looked_after

from .answers import Answer, json_answer, problem
from .opening import behind

log = structlog.get_logger(__name__)
SECONDS = 5.0


class Health:
    """Readiness asks the database, in a thread of its own and within a time limit.

    `load` makes the rest ready, and does nothing when it is.
    """

    def __init__(self, load: Callable[[], object] = lambda: None) -> None:
        self._load = load
        self._threads = ThreadPoolExecutor(1, "ready")
        self._loaded = self._migrated = False

    def alive(self) -> Answer:
        """The event loop turns, else nobody would read this."""
        return json_answer({"status": "ok"})

    async def ready(self) -> Answer:
        """200, or 503 with what is missing."""
        try:
            async with asyncio.timeout(SECONDS):
                missing = await asyncio.get_running_loop().run_in_executor(self._threads, self._missing)
        except Exception:  # noqa: BLE001 - whatever the database does, the answer is that it is not ready
            missing = "The database cannot be reached." if self._loaded else "Not all is loaded that answers requests."
        return problem(503, "not-ready", "Not ready", missing) if missing else json_answer({"status": "ready"})

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _missing(self) -> str:
        try:
            self._load()
        except Exception:  # nobody asks anything of a server that is not ready, so no other line would tell
            log.exception("ready.not_loaded")
            return "What answers requests cannot be loaded; the log says why."
        self._loaded = True
        with looked_after():
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            # Once migrated it stays so, and the question reads every migration file.
            self._migrated = self._migrated or not behind()
        return "" if self._migrated else "The database is not migrated."
