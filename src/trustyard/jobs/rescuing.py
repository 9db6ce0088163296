"""Jobs that the database lists as being done while no worker does them: freed, so that any worker takes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from procrastinate import JobContext
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

log = structlog.get_logger(__name__)
DEAD_SECONDS = 12.0  # without a word of a worker
AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)  # whatever the clocks of node and database say


class UnderWay:
    """The jobs that a running worker works on, to find those that it was given and does not know of.

    When the database is away for a moment, the answer that gave the worker a job may be lost, or the outcome of a job
    not stored. Such a job would hold its key for good, and the gateway under that key would get no delivery any more.
    """

    def __init__(self) -> None:
        self._jobs: set[int | None] = set()
        self._missed: set[int | None] = set()

    async def around(self, go_on: Callable[[], Awaitable[Any]], context: JobContext, worker: object) -> Any:
        """Around each job that the worker does."""
        del worker
        self._jobs.add(context.job.id)
        try:
            return await go_on()
        finally:
            self._jobs.discard(context.job.id)

    async def rescue(self, manager: JobManager, worker_id: int | None) -> None:
        """Frees jobs that were missing in two looks in a row: one that is just starting or ending is missing once."""
        if worker_id is None:
            return
        given = await manager.list_jobs_async(status=Status.DOING.value, worker_id=worker_id)
        missed = {job.id: job for job in given if job.id not in self._jobs}
        await _free(manager, [job for number, job in missed.items() if number in self._missed])
        self._missed = set(missed)


async def rescue(manager: JobManager) -> None:
    """Frees what a worker had begun that died, or lost the database for longer."""
    await _free(manager, await manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_SECONDS))


async def _free(manager: JobManager, jobs: Iterable[Job]) -> None:
    for job in jobs:
        log.warning("worker.rescued", job=job.call_string)
        with suppress(ConnectorException):  # another was quicker, with either
            try:
                await manager.retry_job(job, retry_at=AT_ONCE)
            except UniqueViolation:  # the same waits already
                await manager.finish_job(job, status=Status.FAILED, delete_job=True)
