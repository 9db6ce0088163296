"""Listens for the news of other servers on a PostgreSQL connection of its own, and connects again when it breaks."""

from __future__ import annotations

import asyncio
import random

import psycopg
import structlog
from procrastinate.contrib.django import connector_params

from trustyard.actions import news
from trustyard.jobs.cancelling import ended

log = structlog.get_logger(__name__)
NAME = "trustyard news"  # in pg_stat_activity
QUIET_SECONDS = 10.0  # after so long without a word the connection is asked whether it still is one
ANSWER_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
STOP_SECONDS = 1.0  # until a task that goes on is cancelled again


class Hearing:
    """Make it inside the running event loop. A word that is lost costs the time until the next poll."""

    def __init__(self) -> None:
        self._pause = FIRST_PAUSE
        self._task = asyncio.ensure_future(self._hear())

    async def stop(self) -> None:
        await ended(self._task, STOP_SECONDS)

    async def _hear(self) -> None:
        while True:
            try:
                await self._connection()
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("news.connection_lost", error=str(error).strip() or type(error).__name__)
            await asyncio.sleep(self._pause * random.uniform(0.5, 1))  # noqa: S311 - jitter, no secret
            self._pause = min(LONGEST_PAUSE, 2 * self._pause)

    async def _connection(self) -> None:
        """Until it breaks."""
        parameters = {**connector_params(), "application_name": NAME}
        connecting = psycopg.AsyncConnection.connect(**parameters, autocommit=True)
        async with await asyncio.wait_for(connecting, ANSWER_SECONDS) as connection:
            await connection.execute(f"LISTEN {news.CHANNEL}")
            news.heard(news.EVERYTHING)  # what was said before is lost
            while True:
                async for word in connection.notifies(timeout=QUIET_SECONDS):
                    news.heard_from_others(word.payload)
                await asyncio.wait_for(connection.execute("SELECT 1"), ANSWER_SECONDS)
                self._pause = FIRST_PAUSE  # and not at once: one that breaks again and again is made less often
