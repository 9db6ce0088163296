"""Works on the queue in a thread of its own, and starts again when the database was away."""

from __future__ import annotations

import asyncio
import functools
import random
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import structlog
from procrastinate import App, JobContext, PsycopgConnector, worker
from procrastinate.contrib.django import DjangoApp, connector_params
from procrastinate.jobs import DeleteJobCondition

from trustyard.models.connections import looked_after

from .cancelling import ended
from .deliveries import WORKERS, Told
from .queue import QUEUE
from .rescuing import DEAD_SECONDS, UnderWay, rescue
from .tasks import tasks

log = structlog.get_logger(__name__)
POLL_SECONDS = 0.5  # behind the notifications, which can be lost
BEAT_SECONDS = 3.0
RESCUE_SECONDS = 5.0
REST_SECONDS = 1.0  # before it starts again, give or take half
CLOCK_SECONDS = 30.0  # when the clock was set by more than this, the times of periodic jobs are computed anew


@functools.cache
def _app() -> App:
    """To be called once per process, since it registers the tasks. Its connections are its own, not Django's."""
    app = DjangoApp(connector=PsycopgConnector(kwargs=connector_params(), min_size=1, max_size=3))
    app.add_tasks_from(tasks, namespace=QUEUE)
    return app


class Worker:
    """`ready` is called, in its thread, when it takes jobs for the first time."""

    def __init__(self, told: Told, ready: Callable[[], None] = lambda: None) -> None:
        self._told, self._ready = told, ready
        self._begun, self._stopping = threading.Event(), threading.Event()
        self.takes_jobs = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._work: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        """Takes jobs from now on, also those of workers that died."""
        self._thread.start()
        self._begun.wait()

    def stop(self) -> None:
        """Waits for running jobs to end."""
        self._stopping.set()
        if self._loop and self._work and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._work.cancel)
            self._thread.join()

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(self._shifts())

    async def _shifts(self) -> None:
        self._loop, self._work = asyncio.get_running_loop(), asyncio.current_task()
        self._begun.set()
        while not self._stopping.is_set():
            try:
                async with _app().open_async():
                    self._ready()
                    self._ready = lambda: None
                    await self._shift()
            except Exception:  # the database, most likely
                log.warning("worker.interrupted", exc_info=True)
            await asyncio.sleep(REST_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, no secret

    async def _shift(self) -> None:
        """Works until the database is away or a clock was set."""
        under_way = UnderWay()
        working = worker.Worker(
            _app(),  # of every queue: older versions used another one for periodic jobs
            concurrency=WORKERS,
            delete_jobs=DeleteJobCondition.SUCCESSFUL.value,
            fetch_job_polling_interval=POLL_SECONDS,
            update_heartbeat_interval=BEAT_SECONDS,
            stalled_worker_timeout=DEAD_SECONDS,
            install_signal_handlers=False,
            additional_context={"told": self._told},
            worker_middleware=[under_way.around],
            task_middleware=[_with_connection],
        )
        run: Callable[[], Coroutine[None, None, None]] = working.run  # comes without types
        running, watching = asyncio.create_task(run()), asyncio.create_task(_watch(working, under_way))
        self.takes_jobs = True
        try:
            await asyncio.wait([running, watching], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.takes_jobs = False
            # Running jobs end first; one that takes too long is taken for a dead worker's, and another worker does it.
            await asyncio.gather(ended(watching, 1.0), ended(running, DEAD_SECONDS))
        # Both are asked, whichever is raised: asyncio logs an error that nobody asked for.
        errors = [task.exception() for task in (running, watching) if not task.cancelled()]
        if error := next(filter(None, errors), None):
            raise error


def _with_connection(go_on: Callable[[], Any], context: JobContext, working: object) -> Any:
    """Runs each job in its thread with a fresh connection where the one of the job before broke."""
    del context, working
    with looked_after():
        return go_on()


async def _watch(working: worker.Worker, under_way: UnderWay) -> None:
    """Frees jobs that nobody works on. Ends when the clock was set, since the times of periodic jobs follow it."""
    manager = _app().job_manager
    began = time.time() - time.monotonic()
    while abs(time.time() - time.monotonic() - began) < CLOCK_SECONDS:
        await rescue(manager)
        await under_way.rescue(manager, working.worker_id)
        await asyncio.sleep(RESCUE_SECONDS)
    log.warning("worker.clock_was_set")
