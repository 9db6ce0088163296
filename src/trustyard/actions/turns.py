"""Work done one piece at a time, and to its end even when the caller stops waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Turns:
    """Runs coroutines one after the other; one that has started is not cancelled together with its caller."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    @property
    def taken(self) -> bool:
        """Whether one is running."""
        return self._turn.locked()

    async def take(self, work: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """Runs `work` when its turn comes; returns what it returns, raises what it raises."""
        return await asyncio.shield(asyncio.ensure_future(self._take(work)))

    async def _take(self, work: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        async with self._turn:
            return await work()
