"""Writing in turns: what several may ask for at once, and who asked may stop waiting for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Turns:
    """One after the other. What has begun comes to its end, also where nobody waits for that any more."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    @property
    def taken(self) -> bool:
        """Whether one is under way."""
        return self._turn.locked()

    async def take(self, work: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """Does it when its turn comes. Raises what it raises; whoever is cancelled here leaves it to its end."""
        return await asyncio.shield(asyncio.ensure_future(self._take(work)))

    async def _take(self, work: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        async with self._turn:
            return await work()
