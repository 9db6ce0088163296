"""Reads the whole body of a request before anything else sees it: capped, in time, and complete or refused."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NoReturn

import structlog

from .answers import CLOSE, Answer, Receive, Scope, client, header, problem

log = structlog.get_logger(__name__)
MEGABYTE = 1_000_000
MULTIPART_LIMIT = 11 * MEGABYTE  # a file of 10 MB and the fields around it
LIMIT = 14 * MEGABYTE
DRAINED = 50 * MEGABYTE  # above the limit, still read, so that the sender gets to read the answer
FREE = 100_000  # bytes of a body that are read from anybody
HELD = 256 * MEGABYTE  # of all requests under way whose senders are known
HELD_EACH = 128 * MEGABYTE  # of one token or person
STRANGERS_HELD = 64 * MEGABYTE  # of all others, who were not asked yet
STRANGERS_HELD_EACH = 4 * MEGABYTE  # of one address
SECONDS = 60.0
PACE_BYTES = 10_000  # that have to arrive
PACE_SECONDS = 10.0  # within this time, or else the rest of the body
DRAIN_SECONDS = 15.0
Who = Callable[[Scope], Awaitable[str]]
Chunks = AsyncIterator[bytes]  # one for all who read a body: what was its last piece stays the last


class BodyRefused(Exception):
    """The body was not read to its end; `answer` is what to send."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass
class Store:
    """Bytes held in memory: in total, and per sender."""

    most: int
    each: int
    held: int = 0
    by: Counter[str] = field(default_factory=Counter)

    def take(self, whose: str, count: int) -> bool:
        """Counts `count` more bytes, where there is room for them; returns whether there was."""
        if self.held + count > self.most or self.by[whose] + count > self.each:
            return False
        self.held += count
        self.by[whose] += count
        return True

    def give(self, whose: str, count: int) -> None:
        """Counts them as released."""
        self.held -= count
        self.by[whose] -= count
        if not self.by[whose]:
            del self.by[whose]


@dataclass
class Body:
    """What has arrived of a body, and where it is counted. A `dropped` one is empty: its sender is not known."""

    store: Store
    whose: str
    data: bytearray = field(default_factory=bytearray)
    dropped: bool = False


def strangers() -> Store:
    """The store for senders that are not identified yet."""
    return Store(STRANGERS_HELD, STRANGERS_HELD_EACH)


@dataclass
class Bodies:
    """Limits on size and time. `who` names senders that may send large bodies; with None everybody may."""

    who: Who | None = None
    strangers: Store = field(default_factory=strangers)
    known: Store = field(default_factory=lambda: Store(HELD, HELD_EACH))
    seconds: float = SECONDS
    limit: int = LIMIT
    multipart_limit: int = MULTIPART_LIMIT
    pace_seconds: float = PACE_SECONDS

    @contextmanager
    def holding(self, scope: Scope) -> Iterator[Body]:
        """An empty body, whose bytes count as held until the request is done."""
        body = Body(self.strangers if self.who else self.known, client(scope))
        try:
            yield body
        finally:
            body.store.give(body.whose, len(body.data))

    async def read(self, scope: Scope, receive: Receive, body: Body) -> None:
        """Fills the body. Raises BodyRefused: 413 too large, 408 too slow, 400 cut off, 503 too much at once."""
        multipart = header(scope, b"content-type").lower().startswith("multipart/")
        limit = self.multipart_limit if multipart else self.limit
        length = header(scope, b"content-length")
        declared = int(length) if length.isdigit() else 0
        chunks = _chunks(receive)
        if declared > limit:
            await self._too_large(scope, chunks, limit, 0)
        try:
            known = declared <= FREE or await self._known(scope, body)
            if not known or not await self._fill(scope, chunks, body, limit):
                await self._drop(scope, chunks, body, limit)
        except TimeoutError:
            detail = f"The body did not arrive within {self.seconds:g} seconds, or too slowly."
            raise BodyRefused(problem(408, "too-slow", "Too slow", detail, CLOSE)) from None

    async def _fill(self, scope: Scope, chunks: Chunks, body: Body, limit: int) -> bool:
        """Reads the body; False as soon as it is larger than an unknown sender may make it."""
        now, paced = asyncio.get_running_loop().time, 0
        end = now() + self.seconds
        async with asyncio.timeout_at(min(end, now() + self.pace_seconds)) as patience:
            async for chunk in chunks:
                size = len(body.data) + len(chunk)
                if size > limit:
                    break
                if size > FREE and not await self._known(scope, body):
                    return False
                await self._hold(scope, body, chunk)
                if size - paced >= PACE_BYTES:
                    paced = size
                    patience.reschedule(min(end, now() + self.pace_seconds))
            else:
                return True
        await self._too_large(scope, chunks, limit, size)

    async def _hold(self, scope: Scope, body: Body, chunk: bytes) -> None:
        if not body.store.take(body.whose, len(chunk)):
            # There is no room left for strangers; a known sender has room of its own.
            asked = body.store is not self.known
            if not (asked and await self._known(scope, body) and body.store.take(body.whose, len(chunk))):
                raise _busy()
        body.data += chunk

    async def _known(self, scope: Scope, body: Body) -> bool:
        """Whether the sender is known; the body then counts as theirs."""
        if body.store is self.known or self.who is None:
            return True
        try:
            name = await self.who(scope)
        except Exception as error:  # noqa: BLE001 - the database, most likely
            log.warning("bodies.sender_not_asked", error=type(error).__name__)
            away = {**CLOSE, "Retry-After": "2"}
            detail = "The database does not answer."
            raise BodyRefused(problem(503, "database-unavailable", "Not available", detail, away)) from None
        if not name:
            return False
        if not self.known.take(name, len(body.data)):
            raise _busy()
        body.store.give(body.whose, len(body.data))
        body.store, body.whose = self.known, name
        return True

    async def _drop(self, scope: Scope, chunks: Chunks, body: Body, limit: int) -> None:
        """Drops a stranger's body: the request goes on without it and is answered as one that is not signed in."""
        body.store.give(body.whose, len(body.data))
        body.data.clear()
        body.dropped = True
        await self._drained(scope, chunks, limit, 0)

    async def _too_large(self, scope: Scope, chunks: Chunks, limit: int, read: int) -> NoReturn:
        await self._drained(scope, chunks, limit, read)
        size = f"{limit // MEGABYTE} MB" if limit >= MEGABYTE else f"{limit // 1000} kB"
        detail = f"The body is larger than {size}."
        raise BodyRefused(problem(413, "too-large", "Too large", detail, CLOSE))

    async def _drained(self, scope: Scope, chunks: Chunks, limit: int, read: int) -> None:
        # A sender that asks first ("Expect: 100-continue") is answered at once. Others go on sending, and would take a
        # connection that is closed meanwhile for a broken network: read to the end, within bounds.
        if "100-continue" in header(scope, b"expect").lower():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                async for chunk in chunks:
                    read += len(chunk)
                    if read > limit + DRAINED:
                        break


def _busy() -> BodyRefused:
    detail = "Too many large requests are under way."
    return BodyRefused(problem(503, "busy", "Busy", detail, {**CLOSE, "Retry-After": "5"}))


async def _chunks(receive: Receive) -> Chunks:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BodyRefused(problem(400, "cut-off", "Cut off", "The body ended before it was complete.", CLOSE))
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return
