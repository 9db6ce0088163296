"""The queue of jobs that all nodes share, on PostgreSQL: under each key one job waits and one is under way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job

log = structlog.get_logger(__name__)
QUEUE = "trustyard"
TRIES = 3
USUAL, LOW = 0, -1  # priorities


def job(task: str, key: str, *, pause: float = 0.0, priority: int = USUAL, **arguments: Any) -> Job:
    """A job that starts after these seconds, and never while another one of its key is running."""
    return Job(
        queue=QUEUE, task_name=f"{QUEUE}:{task}", task_kwargs=arguments, priority=priority,
        lock=key, queueing_lock=key, scheduled_at=_in(pause) if pause else None,
    )  # fmt: skip


def put(jobs: Iterable[Job]) -> None:
    """Enqueues these in place of those that wait under their keys. Part of the caller's transaction.

    What waits is taken out and put in anew, and not left as it is: a worker could begin it before the caller commits,
    and see nothing of what the caller wrote.
    """
    wanted = list(jobs)
    for _ in range(TRIES if wanted else 0):
        try:
            # A savepoint: AlreadyEnqueued must not cost the caller's transaction.
            with transaction.atomic(), _django_s_errors():
                for waiting in _waiting(one.queueing_lock for one in wanted):
                    app.job_manager.cancel_job_by_id(waiting, delete_job=True)
                app.job_manager.batch_defer_jobs(wanted)
            return
        except AlreadyEnqueued:  # another transaction was quicker; what it put can be seen now
            continue
    if wanted:
        log.warning("queue.crowded", keys=len(wanted))  # the next look finds what is missing


def add(jobs: Iterable[Job]) -> None:
    """Enqueues those under whose keys nothing waits. Each is a transaction of its own, so none holds up another."""
    for one in jobs:
        try:
            with transaction.atomic(), _django_s_errors():
                app.job_manager.defer_job(one)
        except AlreadyEnqueued:
            continue


def take_over(key: str) -> bool:
    """Removes the job that waits under the key and is due: the one that runs under it does its work too."""
    due = _waiting([key], due=True)
    with _django_s_errors():
        return any(app.job_manager.cancel_job_by_id(waiting, delete_job=True) for waiting in due)


def arguments_of(task: str) -> dict[str, dict[str, Any]]:
    """The arguments of the jobs of this task that wait or are under way, by key."""
    rows = ProcrastinateJob.objects.filter(task_name=f"{QUEUE}:{task}", status__in=("todo", "doing"))
    return dict(rows.order_by("-status").values_list("queueing_lock", "args"))


@contextmanager
def _django_s_errors() -> Iterator[None]:
    """Unwraps database errors that Procrastinate wrapped, since callers handle Django's."""
    with connection.wrap_database_errors:
        try:
            yield
        except ConnectorException as error:
            raise error.__cause__ or error from None


def _waiting(keys: Iterable[str | None], *, due: bool = False) -> list[int]:
    rows = ProcrastinateJob.objects.filter(queueing_lock__in=list(keys), status="todo")
    if due:
        rows = rows.exclude(scheduled_at__gt=_now())
    return list(rows.order_by("queueing_lock").values_list("pk", flat=True))


def _in(seconds: float) -> datetime:
    return _now() + timedelta(seconds=seconds)


def _now() -> datetime:
    """The time of the database, which decides when a job is due: the clock of a node may be wrong."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment
