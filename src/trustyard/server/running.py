"""What every process of ours that listens has in common: its HTTP server, its event loop, and how signals end it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import uvicorn

from .answers import App

GRACE_SECONDS = 3
Say = Callable[[str], None]  # gets what a person reads


class HttpServer(uvicorn.Server):
    """Serves one ASGI application until `should_exit`; signals are ours, for uvicorn would raise them again."""

    def __init__(self, app: App) -> None:
        super().__init__(
            uvicorn.Config(
                app,
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

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Catches none."""
        yield


@contextmanager
def signals(stop: Callable[[], None]) -> Iterator[None]:
    """While this lasts SIGTERM and SIGINT call `stop`, in the running event loop."""
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
