"""Reads the whole body of a request before anything else sees it: capped, in time, and complete or refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .answers import CLOSE, Answer, Receive, Scope, header, problem

MEGABYTE = 1_000_000
MULTIPART_LIMIT = 11 * MEGABYTE  # a file of 10 MB and the fields around it
LIMIT = 14 * MEGABYTE
DRAINED = 50 * MEGABYTE  # so much above the limit is still listened to, so that the sender hears the answer
HELD = 256 * MEGABYTE  # of all requests under way
SECONDS = 60.0
DRAIN_SECONDS = 15.0


class BodyRefused(Exception):
    """The body cannot be had; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass
class Bodies:
    """Counts what is held in memory over all requests, and says how much one may bring and how long it may take."""

    held: int = 0
    seconds: float = SECONDS
    limit: int = LIMIT
    multipart_limit: int = MULTIPART_LIMIT
    most: int = HELD

    @contextmanager
    def holding(self) -> Iterator[bytearray]:
        """A buffer whose bytes count as held until the request is done."""
        buffer = bytearray()
        try:
            yield buffer
        finally:
            self.held -= len(buffer)

    async def read(self, scope: Scope, receive: Receive, buffer: bytearray) -> None:
        """Fills the buffer. Raises BodyRefused: 413 too large, 408 too slow, 400 cut off, 503 too much at once."""
        multipart = header(scope, b"content-type").lower().startswith("multipart/")
        limit = self.multipart_limit if multipart else self.limit
        declared = header(scope, b"content-length")
        if declared.isdigit() and int(declared) > limit:
            await self._too_large(scope, receive, limit, 0)
        try:
            async with asyncio.timeout(self.seconds):
                async for chunk in _chunks(receive):
                    if len(buffer) + len(chunk) > limit:
                        await self._too_large(scope, receive, limit, len(buffer) + len(chunk))
                    self._hold(buffer, chunk)
        except TimeoutError:
            detail = f"The body did not arrive within {self.seconds:g} seconds."
            raise BodyRefused(problem(408, "too-slow", "Too slow", detail, CLOSE)) from None

    def _hold(self, buffer: bytearray, chunk: bytes) -> None:
        if self.held + len(chunk) > self.most:
            detail = "Too many large requests are under way."
            raise BodyRefused(problem(503, "busy", "Busy", detail, {**CLOSE, "Retry-After": "5"}))
        buffer += chunk
        self.held += len(chunk)

    async def _too_large(self, scope: Scope, receive: Receive, limit: int, read: int) -> None:
        # Whoever asks first ("Expect: 100-continue") is told at once. Others send on, and would take a connection
        # that is closed under their hands for a broken network: listen to the end, within bounds.
        if "100-continue" not in header(scope, b"expect").lower():
            try:
                async with asyncio.timeout(DRAIN_SECONDS):
                    async for chunk in _chunks(receive):
                        read += len(chunk)
                        if read > limit + DRAINED:
                            break
            except TimeoutError:
                pass
        size = f"{limit // MEGABYTE} MB" if limit >= MEGABYTE else f"{limit // 1000} kB"
        detail = f"The body is larger than {size}."
        raise BodyRefused(problem(413, "too-large", "Too large", detail, CLOSE))


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BodyRefused(problem(400, "cut-off", "Cut off", "The body ended before it was complete.", CLOSE))
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return
