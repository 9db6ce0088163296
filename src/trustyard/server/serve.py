"""`trustyard serve`: one process with console, REST API, xDS and deliveries, from its start to its clean end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any

import structlog
from django.db import DatabaseError

from trustyard.pki.hosts import host_port
from trustyard.xds import available

from . import ending, secretkey
from .configuration import Configuration
from .datadir import one_server, prepare
from .memory import given_back
from .opening import one_node, open_database, tell_unknown
from .running import HttpServer, Say, runner, signals
from .sockets import address_of, listen
from .xdscertificate import watched

log = structlog.get_logger(__name__)


def serve(configuration: Configuration, say: Say) -> None:
    """Runs until SIGTERM or SIGINT. Raises TrustyardError where it cannot start. `say` gets what a person reads."""
    # 1. The data directory is ours alone.
    prepare(configuration)
    with one_server(configuration), listen(configuration.listen, "TRUSTYARD_LISTEN") as web:
        # 2. The database is as this version wants it, and not empty.
        open_database(configuration)
        tell_unknown()
        from .firststart import first_start  # needs Django, which is set up now

        with one_node():
            secretkey.check(configuration)
            lines = first_start(configuration.admin_password)
        for line in lines:
            say(line)
        # 3. Everything else runs on one event loop.
        with runner() as running:
            running.run(_run(configuration, web, say))


async def _run(configuration: Configuration, web: socket.socket, say: Say) -> None:
    from django.conf import settings

    from trustyard.actions import servers

    from .composition import Parts

    stop = asyncio.Event()
    # One that comes while the rest still starts counts too: from here on a signal is a wish, not an end.
    with signals(stop.set):
        async with AsyncExitStack() as ends:  # in the order of their starts, backwards; also where one of them fails
            await asyncio.to_thread(servers.register)
            ends.push_async_callback(asyncio.to_thread, _leave)
            parts = Parts(configuration)
            ends.push_async_callback(asyncio.to_thread, parts.close)
            ends.push_async_callback(parts.agents.desk.close)
            xds = await _start_xds(configuration)
            if xds is not None:
                ends.push_async_callback(xds.stop)
                parts.metrics.streams(lambda: xds.streams)
            hearing = _hearing(configuration)
            if hearing is not None:
                ends.push_async_callback(hearing.stop)
            settings.TRUSTYARD = replace(configuration, listen=address_of(web))
            parts.start()
            if xds is not None and configuration.xds_tls:
                watching = asyncio.create_task(watched(configuration.xds_tls[0]))
                ends.callback(watching.cancel)
            await _answer(parts, web, stop, lambda: _announce(say, web, configuration, xds))


async def _answer(parts: Any, web: socket.socket, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    server = HttpServer(parts.router, parts.connections)
    running = asyncio.create_task(server.serve(sockets=[web]))
    stopping = asyncio.create_task(stop.wait())
    tasks: list[asyncio.Task[Any]] = [stopping]
    try:
        while not server.started and not running.done():
            await asyncio.sleep(0.005)
        if server.started:
            ready()
            tasks.append(asyncio.create_task(given_back()))
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        log.info("serve.stopping")
        ending.soon()
        parts.stop()
        server.should_exit = True
        await running
    finally:
        for task in tasks:
            task.cancel()


async def _start_xds(configuration: Configuration) -> Any:
    if not available():
        log.warning("xds.not_installed", advice="pip install 'trustyard[envoy]'")
        return None
    from trustyard.actions import gateways
    from trustyard.xds.server import start

    from .connections import of_envoys

    running = await start(configuration.xds_listen, configuration.xds_tls, most=of_envoys())
    gateways.xds_listens_at(host_port(configuration.xds_listen[0], running.port))
    return running


def _hearing(configuration: Configuration) -> Any:
    if configuration.sqlite:
        return None
    from .hearing import Hearing

    return Hearing()


def _leave() -> None:
    from trustyard.actions import servers
    from trustyard.models.connections import looked_after

    with suppress(DatabaseError), looked_after():  # it is away: others find out in a few seconds
        servers.leave()


def _announce(say: Say, web: socket.socket, configuration: Configuration, xds: Any) -> None:
    # Programs read these two lines: their form stays.
    say(f"Console and REST API: http://{host_port(*address_of(web))}")
    if xds is None:
        say("xDS: not installed (pip install 'trustyard[envoy]')")
    else:
        say(f"xDS: {host_port(configuration.xds_listen[0], xds.port)}")
