"""Ends tasks of an event loop for sure."""

from __future__ import annotations

import asyncio
from typing import Any


async def ended(task: asyncio.Task[Any], patience: float) -> None:
    """Cancels the task until it has ended, again after so many seconds each time.

    Once is not enough: `asyncio.wait_for` of Python 3.11, which psycopg waits with, forgets a cancellation that comes
    together with what it waits for, and who looks again and again goes on looking.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=patience)
