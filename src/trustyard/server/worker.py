"""`trustyard worker`: a process that does jobs and nothing else, beside any number of `serve`."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from trustyard.errors import Refused
from trustyard.pki.hosts import host_port

from . import ending, secretkey
from .answers import Answer, Receive, Scope, Send, get_only, problem
from .configuration import Configuration
from .connections import Connections
from .datadir import prepare
from .memory import given_back
from .opening import one_node, open_database, tell_unknown
from .running import HttpServer, Say, runner, signals
from .sockets import address_of, listen

if TYPE_CHECKING:  # they need Django, which is set up later
    from trustyard.jobs.queued import Queued

    from .health import Health
    from .metrics import Metrics

log = structlog.get_logger(__name__)


def work(configuration: Configuration, say: Say) -> None:
    """Runs until SIGTERM or SIGINT, then lets jobs under way end. Raises TrustyardError where it cannot start."""
    if configuration.sqlite:
        raise Refused(
            "A worker of its own needs PostgreSQL: on SQLite `trustyard serve` does the jobs itself.",
            code="worker-alone",
            advice="Set TRUSTYARD_DATABASE_URL to the database of the servers.",
        )
    prepare(configuration)
    with _listening(configuration) as web:
        open_database(configuration)
        tell_unknown()
        with one_node():
            secretkey.check(configuration)
        with runner() as running:
            running.run(_run(web, say))


@contextmanager
def _listening(configuration: Configuration) -> Iterator[socket.socket | None]:
    if configuration.worker_listen is None:
        yield None
        return
    with listen(configuration.worker_listen, "TRUSTYARD_WORKER_LISTEN") as web:
        yield web


async def _run(web: socket.socket | None, say: Say) -> None:
    from trustyard.jobs.queued import Queued

    from .health import Health
    from .metrics import Metrics

    stop = asyncio.Event()
    health, metrics = Health(), Metrics()
    # Programs read these lines: their form stays.
    jobs = Queued(metrics.delivered, ready=lambda: say("Worker: ready"))
    server = HttpServer(Observed(health, metrics, jobs), Connections())
    with signals(stop.set):
        serving = asyncio.create_task(server.serve(sockets=[web])) if web else None
        if web:
            say(f"Health and metrics: http://{host_port(*address_of(web))}")
        try:
            await asyncio.to_thread(jobs.start)
            memory = asyncio.create_task(given_back())
            await stop.wait()
            memory.cancel()
        finally:
            log.info("worker.stopping")
            ending.soon()
            await asyncio.to_thread(jobs.stop)
            server.should_exit = True
            if serving:
                await serving
            health.close()
            metrics.close()


class Observed:
    """The ASGI application of a worker: `/healthz`, `/readyz`, `/metrics` and nothing else."""

    def __init__(self, health: Health, metrics: Metrics, jobs: Queued) -> None:
        self._health, self._metrics, self._jobs = health, metrics, jobs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "http":
            await (get_only(scope) or await self._answer(scope["raw_path"])).send(scope, send)

    async def _answer(self, path: bytes) -> Answer:
        match path:
            case b"/healthz":
                return self._health.alive()
            case b"/readyz":
                # The database first: where it is away, that is why no jobs are taken.
                missing = await self._health.ready()
                if missing.status == 200 and not self._jobs.are_taken:
                    return problem(503, "not-ready", "Not ready", "No jobs are taken at this moment.")
                return missing
            case b"/metrics":
                return await self._metrics.answer()
        return problem(404, "not-found", "Not found", "A worker answers /healthz, /readyz and /metrics.")
