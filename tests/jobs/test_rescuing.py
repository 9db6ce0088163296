"""Jobs that the database lists as being done by a worker that does not know of them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Status

from trustyard.jobs.rescuing import UnderWay

WORKER = 3
WAITS = UniqueViolation(constraint_name="", queueing_lock="x")


class Manager:
    """What the database lists as being done by the worker, and what becomes of it."""

    def __init__(self, *numbers: int) -> None:
        self.given = list(numbers)
        self.freed: list[int] = []
        self.dropped: list[int] = []
        self.problem: Exception | None = None
        self.later: Exception | None = None  # than the first problem with the same job

    async def list_jobs_async(self, *, status: str, worker_id: int) -> list[Any]:
        assert (status, worker_id) == (Status.DOING.value, WORKER)
        return [SimpleNamespace(id=number, call_string=f"job {number}") for number in self.given]

    async def retry_job(self, job: Any, *, retry_at: Any) -> None:
        if self.problem and job.id == 1:
            raise self.problem
        self.freed.append(job.id)

    async def finish_job(self, job: Any, *, status: Status, delete_job: bool) -> None:
        assert (status, delete_job) == (Status.FAILED, True)
        if self.later:
            raise self.later
        self.dropped.append(job.id)


async def looks(under_way: UnderWay, manager: Any, times: int, worker: int | None = WORKER) -> None:
    for _ in range(times):
        await under_way.rescue(manager, worker)


def test_what_is_missing_in_two_looks_in_a_row_is_freed_and_what_is_worked_on_never() -> None:
    manager, under_way = Manager(1, 2), UnderWay()

    async def work() -> str:
        await looks(under_way, manager, 1)
        assert manager.freed == [], "one that is just beginning is missing once"
        await looks(under_way, manager, 1)
        assert manager.freed == [2]
        manager.given = [1]
        await looks(under_way, manager, 3)
        assert manager.freed == [2]
        return "done"

    async def story() -> None:
        context: Any = SimpleNamespace(job=SimpleNamespace(id=1))
        assert await under_way.around(work, context, None) == "done"
        await looks(under_way, manager, 2)
        assert manager.freed == [2, 1], "its outcome was not stored"

    asyncio.run(story())


def test_what_is_missing_now_and_then_is_not_freed() -> None:
    manager, under_way = Manager(), UnderWay()

    async def story() -> None:
        for given in ([1], [2], [1], []):
            manager.given = given
            await looks(under_way, manager, 1)

    asyncio.run(story())
    assert manager.freed == []


@pytest.mark.parametrize(
    ("problem", "later", "dropped"),
    [(WAITS, None, [1]), (ConnectorException(), None, []), (WAITS, ConnectorException(), [])],
)
def test_what_waits_already_is_not_there_twice_and_where_another_was_quicker_the_others_are_still_freed(
    problem: Exception, later: Exception | None, dropped: list[int]
) -> None:
    manager, under_way = Manager(1, 2), UnderWay()
    manager.problem, manager.later = problem, later
    asyncio.run(looks(under_way, manager, 2))
    assert (manager.freed, manager.dropped) == ([2], dropped)


def test_a_worker_that_has_no_number_yet_frees_nothing() -> None:
    manager = Manager(1)
    asyncio.run(looks(UnderWay(), manager, 3, None))
    assert manager.freed == []
