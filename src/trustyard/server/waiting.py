"""Waits for receipts on the event loop, after Django has answered, so that no thread is held while gateways work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import structlog

from .answers import App, Message, Receive, Scope, Send

HEADER = b"x-trustyard-await"
LINES = b"lines"  # an answer of JSON lines: what to wait for stands before the last one, and NUL between them
NUL = b"\x00"
LONGEST = 60.0
ANSWER_SECONDS = 5.0  # for one look: a database that fell silent must not cost the answer that all is saved
POLLS = (0.02, 0.03, 0.05, 0.1)  # seconds between looks; the last one repeats
Value = TypeVar("Value")
log = structlog.get_logger(__name__)


class Receipts(Protocol):
    """What is asked of `actions.delivery`; both may take a moment and are called in a thread."""

    def settled(self, release_ids: list[int]) -> bool: ...

    def told(self, answer: dict[str, Any], release_ids: list[int]) -> dict[str, Any]: ...


class Waiting:
    """Wraps an app: an answer with the internal header is held back until its releases are settled."""

    def __init__(self, app: App, receipts: Receipts) -> None:
        self._app = app
        self._receipts = receipts
        self._threads = ThreadPoolExecutor(2, "await")
        self._stopping = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything through, but for answers that are to be waited for."""
        held = _Held(send)
        await self._app(scope, receive, held)
        if held.start is not None:
            body = await self._deployed(held.body, held.wanted)
            held.start["headers"].append((b"content-length", str(len(body)).encode()))
            await send(held.start)
            await send({"type": "http.response.body", "body": body})
        elif held.body:
            wanted, _, line = held.body.partition(NUL)
            line = await self._deployed(line, wanted.decode())
            await send({"type": "http.response.body", "body": line + b"\n"})

    def stop(self) -> None:
        """Those who wait are answered with what there is."""
        self._stopping.set()

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _deployed(self, body: bytes, wanted: str) -> bytes:
        numbers, _, seconds = wanted.partition(";")
        releases = [int(number) for number in numbers.split(",")]
        await self._settled(releases, min(float(seconds), LONGEST))
        value = json.loads(body)
        try:
            value = await self._in_thread(lambda: self._receipts.told(value, releases))
        except Exception:  # the database, most likely: it is saved, and that is to be said, with what was known then
            log.warning("receipts.unknown", exc_info=True)
        return json.dumps(value, ensure_ascii=False).encode()

    async def _settled(self, releases: list[int], seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        polls = iter(POLLS)
        pause = 0.0
        while not await self._is_settled(releases):
            pause = next(polls, pause)
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or self._stopping.is_set():
                return
            await asyncio.sleep(min(pause, left))

    async def _is_settled(self, releases: list[int]) -> bool:
        try:
            return await self._in_thread(lambda: self._receipts.settled(releases))
        except Exception as error:  # noqa: BLE001 - the database, most likely, which may be back before the time is over
            log.info("receipts.not_read", error=type(error).__name__)
            return False

    async def _in_thread(self, call: Callable[[], Value]) -> Value:
        asking = asyncio.get_running_loop().run_in_executor(self._threads, call)
        return await asyncio.wait_for(asking, ANSWER_SECONDS)


class _Held:
    """A `send` that keeps an answer with the internal header, or its last line, instead of passing it on."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.start: Message | None = None
        self.wanted = ""
        self.body = b""
        self._lines = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            internal = [value for name, value in message["headers"] if name == HEADER]
            self._lines = internal == [LINES]
            if internal:
                dropped = (HEADER, b"content-length")
                message = {**message, "headers": [h for h in message["headers"] if h[0] not in dropped]}
            if internal and not self._lines:
                self.wanted, self.start = internal[0].decode("latin1"), message
                return
        body = message.get("body", b"")
        if self.start is not None or self.body or (self._lines and NUL in body):
            self.body += body
        else:
            await self._send(message)
