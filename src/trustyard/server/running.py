"""What every listening process has in common: its HTTP server, its event loop, and how signals end it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec

import uvicorn

from .answers import App
from .connections import Connection, Connections

GRACE_SECONDS = 3
Say = Callable[[str], None]  # gets what a person reads


class HttpServer(uvicorn.Server):
    """Serves one ASGI application until `should_exit`; signals are handled here: uvicorn would raise them again."""

    def __init__(self, app: App, connections: Connections) -> None:
        self._connections = connections
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(Connection, connections=connections),  # type: ignore[arg-type]  # called as the class is
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # the router's business: it looks at every hop
                timeout_keep_alive=75,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second."""
        if counter % 10 == 0:
            self._connections.look(self.server_state.connections)
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Catches none."""
        yield


@contextmanager
def signals(stop: Callable[[], None]) -> Iterator[None]:
    """A context in which SIGTERM and SIGINT call `stop`, in the running event loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def runner() -> asyncio.Runner:
    """A runner on the quickest event loop that is installed."""
    return asyncio.Runner(loop_factory=_loop_factory())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if not find_spec("uvloop"):
        return None
    import uvloop

    return uvloop.new_event_loop
