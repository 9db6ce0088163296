"""WSGI in a bounded pool of threads: a whole answer comes back in one step, a stream chunk by chunk.

Each has the security headers.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import io
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from a2wsgi.wsgi import build_environ

from .answers import Message, Scope, Send, problem
from .bodies import MEGABYTE
from .headers import secured
from .shares import Shares
from .unread import Unread, pieces

Wsgi = Callable[..., Iterable[bytes]]
LARGE = MEGABYTE  # of a body: what is read of it takes many times its bytes


class Threads:
    """So many threads that run one application; a request more waits until one is free for its sender."""

    def __init__(self, app: Wsgi, count: int, unread: Unread, spare: int = 0) -> None:
        self._app = app
        self._shares = Shares(count, spare)
        self._unread = unread
        self.executor = ThreadPoolExecutor(count, "WSGI")

    async def __call__(self, scope: Scope, body: bytes | bytearray, send: Send, sender: str) -> None:
        """Answers a request whose body is complete."""
        loop = asyncio.get_running_loop()
        context = contextvars.copy_context()

        async def sent(message: Message) -> None:
            await send(message)

        def now(message: Message) -> None:
            # It waits for a turn of the loop, so whole answers go without.
            asyncio.run_coroutine_threadsafe(sent(message), loop).result()

        async with self._shares.turn(sender):
            if self._unread.is_too_much(sender):
                detail = "Read the answers to your earlier requests first."
                await problem(503, "busy", "Busy", detail, {"Retry-After": "5"}).send(scope, send)
                return
            # A copy of the body, which those that wait for their turn do without.
            environ: Any = build_environ(scope, io.BytesIO(body))  # type: ignore[arg-type]  # any file will do
            messages = await loop.run_in_executor(self.executor, context.run, self._run, environ, now)
            if len(body) > LARGE:
                # The error of a refusal holds what was read, and itself: a few of them took more than the next one has.
                await loop.run_in_executor(self.executor, gc.collect)
        with self._unread.counted(sender, messages):
            for message in messages:
                for piece in pieces(message):
                    await send(piece)

    def _run(self, environ: dict[str, Any], now: Callable[[Message], None]) -> list[Message]:
        """Runs the application; answers what is still to be sent."""
        begun: list[Message] = []

        def start(status: str, headers: list[tuple[str, str]], _: object = None) -> None:
            encoded = [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in headers]
            begun[:] = [{"type": "http.response.start", "status": int(status[:3]), "headers": secured(encoded)}]

        chunks = self._app(environ, start)
        try:
            if not getattr(chunks, "streaming", True):
                return [*begun, {"type": "http.response.body", "body": b"".join(chunks)}]
            for chunk in chunks:
                for message in (*begun, {"type": "http.response.body", "body": chunk, "more_body": True}):
                    now(message)
                begun.clear()
            return [*begun, {"type": "http.response.body", "body": b""}]
        finally:
            getattr(chunks, "close", lambda: None)()
