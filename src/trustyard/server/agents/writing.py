"""Stores what nodes say in a thread: all that waits in one transaction, in the order of arrival."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from trustyard.actions.agents import Said, Seen
from trustyard.actions.turns import Turns
from trustyard.actions.twins import Heard

log = structlog.get_logger(__name__)
Word = Said | Seen | Heard
Keep = Callable[[list[Word]], Awaitable[list[bool]]]
RETRY_SECONDS = 1.0
MOST = 500  # rows of one transaction, so that other writers get their turn


class Writer:
    """Calls `keep` with batches; it raises when the database is away, and the batch is tried again."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._waiting: list[tuple[Word, asyncio.Future[bool] | None]] = []
        self._something = asyncio.Event()
        self._turns = Turns()

    @property
    def waits(self) -> bool:
        """Whether something is not written yet."""
        return bool(self._waiting) or self._turns.taken

    def note(self, word: Word) -> None:
        """Stores it some time soon, however often that has to be tried."""
        self._waiting.append((word, None))
        self._something.set()

    async def kept(self, word: Word) -> bool:
        """Returns when it is stored; False where the release is not the node's. Raises what the database raised."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((word, future))
        self._something.set()
        return await future

    async def work(self) -> None:
        """Writes until it is cancelled."""
        while True:
            await self._something.wait()
            self._something.clear()
            good = await self.flush()
            if not good:
                await asyncio.sleep(RETRY_SECONDS)
            if self._waiting:
                self._something.set()

    async def flush(self) -> bool:
        """Writes what has waited longest; False when it has to be tried again.

        Begun, it comes to its end, also where nobody waits for that any more; the next batch has to.
        """
        return await self._turns.take(self._write)

    async def _write(self) -> bool:
        batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        if not batch:
            return True
        try:
            answers = await self._keep([word for word, _ in batch])
        except Exception as error:  # the database may be away for a while
            log.warning("agents.not_recorded", exc_info=True)
            for _, future in batch:
                if future and not future.done():
                    future.set_exception(error)
            self._waiting = [(word, None) for word, future in batch if future is None] + self._waiting
            return False
        for (_, future), answer in zip(batch, answers, strict=True):
            if future and not future.done():
                future.set_result(answer)
        return True
