"""The task that listens for the news of other servers."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from trustyard.server.hearing import Hearing


class _ForgetsOnce(Hearing):
    """What `asyncio.wait_for` of Python 3.11 may do to it: the first cancellation is lost."""

    async def _hear(self) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)


def test_it_stops_though_a_cancellation_is_lost() -> None:
    async def story() -> None:
        hearing = _ForgetsOnce()
        await asyncio.sleep(0)
        await asyncio.wait_for(hearing.stop(), 10)

    asyncio.run(story())
