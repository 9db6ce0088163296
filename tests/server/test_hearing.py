"""The task that listens for the news of other servers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic

import pytest
from django.db import connection

from trustyard.actions import news
from trustyard.server.hearing import NAME, Hearing


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


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_breaks_again_and_again_is_made_less_and_less_often() -> None:
    """At each of them all is looked at, and what a gateway refused is sent to it again."""
    began = monotonic()

    async def story() -> None:
        heard = asyncio.Queue[str]()
        unsubscribe = news.subscribe(heard.put_nowait)
        hearing = Hearing()
        for _ in range(6):
            assert await asyncio.wait_for(heard.get(), 20) == news.EVERYTHING
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [NAME]
                )
        unsubscribe()
        await hearing.stop()

    asyncio.run(story())
    assert monotonic() - began > 3
