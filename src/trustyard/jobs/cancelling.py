"""Ends asyncio tasks reliably."""

from __future__ import annotations

import asyncio
from typing import Any


async def ended(task: asyncio.Task[Any], patience: float) -> None:
    """Cancels the task until it has ended, again after `patience` seconds each time.

    Once is not enough: `asyncio.wait_for` of Python 3.11, which psycopg uses, loses a cancellation that arrives with
    the awaited result, and a task that loops then goes on for ever.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=patience)
