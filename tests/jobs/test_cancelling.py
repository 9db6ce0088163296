"""Tasks that do not hear that they shall end."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from trustyard.jobs.cancelling import ended


async def _hard_of_hearing() -> None:
    for _ in range(3):
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
    await asyncio.sleep(60)


def test_a_task_that_goes_on_is_cancelled_again_until_it_has_ended() -> None:
    async def story() -> bool:
        task = asyncio.create_task(_hard_of_hearing())
        await asyncio.sleep(0)
        await asyncio.wait_for(ended(task, 0.01), 10)
        return task.cancelled()

    assert asyncio.run(story())


def test_a_task_that_has_ended_keeps_its_error() -> None:
    async def story() -> BaseException | None:
        async def broken() -> None:
            raise LookupError

        task = asyncio.create_task(broken())
        await asyncio.sleep(0)
        await ended(task, 0.01)
        return task.exception()

    assert isinstance(asyncio.run(story()), LookupError)
