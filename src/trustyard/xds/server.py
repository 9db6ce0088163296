"""The ADS server: who may speak, and the life of the listening socket."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import grpc
import grpc.aio
import structlog
from envoy.service.discovery.v3 import ads_pb2_grpc

from trustyard.actions.strangers import Strangers
from trustyard.errors import Refused
from trustyard.pki.hosts import host_port, is_loopback
from trustyard.pki.readable import visible
from trustyard.xds.credentials import credentials
from trustyard.xds.desk import POLL_SECONDS, Desk
from trustyard.xds.dialects import Delta, StateOfTheWorld
from trustyard.xds.ledger import Ledger, TooMuch
from trustyard.xds.room import MAX_CONNECTIONS, MAX_STREAMS, Room
from trustyard.xds.session import Ending, Session
from trustyard.xds.store import Gateway, Store

log = structlog.get_logger(__name__)
Address = tuple[str, int]
Answer = TypeVar("Answer")
GRACE_SECONDS = 1.0
HANDSHAKE_SECONDS = 30.0  # until a connection speaks HTTP/2, TLS included; many may come at once
IDLE_SECONDS = 60.0  # without a stream: longer than an Envoy waits between two tries
NAME_SECONDS = 1.0  # until whoever is refused has said its name, for the log
MAX_NODE = 200
MAX_MESSAGE = 2_000_000
MAX_STREAMS_EACH = 100  # of one connection, of which an Envoy opens one; what the standard calls usual

OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second server on the port is an error, not a share of the connections
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    # gRPC takes headers of a megabyte, whatever its limits of them say, and keeps those of each open call.
    ("grpc.max_concurrent_streams", MAX_STREAMS_EACH),
    # A node that vanished without a word is noticed within 15 seconds.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Envoy's own keepalive may ping as often.
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),
)


class Streams(ads_pb2_grpc.AggregatedDiscoveryServiceServicer):  # type: ignore[misc] # comes without types
    """Envoy's aggregated discovery service."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._strangers = Strangers()

    async def DeltaAggregatedResources(self, requests: AsyncIterator[Any], context: Any) -> None:
        """Incremental xDS."""
        await self._serve(requests, context, Delta)

    async def StreamAggregatedResources(self, requests: AsyncIterator[Any], context: Any) -> None:
        """State-of-the-world xDS."""
        await self._serve(requests, context, StateOfTheWorld)

    async def _serve(
        self, requests: AsyncIterator[Any], context: Any, dialect: type[Delta] | type[StateOfTheWorld]
    ) -> None:
        # 1. Who speaks: the token says which gateway, the first request which node of it.
        token = _token(context)
        gateway = await self._gateway(token, context)
        if gateway is None:
            if count := self._strangers.count(_address(context)):
                why = await self._or_later(self._desk.why_not(token), context)
                _tell(context, await _name(requests), why, count)
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "This is not the token of a gateway.")
            return
        # 2. Whatever its nodes do, they take no more of this server than one gateway may.
        room = self._desk.room(gateway)
        if not room.has_for_a_stream():
            sentence = f"The nodes of a gateway open {MAX_STREAMS} streams at most."
            if count := self._strangers.count(_address(context)):
                _tell(context, await _name(requests), sentence, count)
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, sentence)
            return
        room.streams += 1
        try:
            await self._serve_node(token, gateway, requests, context, dialect, room)
        finally:
            room.streams -= 1

    async def _serve_node(
        self,
        token: str,
        gateway: Gateway,
        requests: AsyncIterator[Any],
        context: Any,
        dialect: type[Delta] | type[StateOfTheWorld],
        room: Room,
    ) -> None:
        first = await anext(aiter(requests), None)
        if first is None:
            return
        if problem := _node_problem(first.node, gateway):
            if count := self._strangers.count(_address(context)):
                _tell(context, first.node, problem[1], count)
            await context.abort(*problem)
            return
        # 3. Serve it.
        ledger = Ledger(await self._or_later(self._desk.catalogue(gateway), context), room=room)
        session = Session(gateway, token, first.node.id, ledger, dialect(ledger), self._desk.spoke)
        all_requests = _again(first, requests)
        del first
        # What is logged of this stream from here on says whose it is; each stream runs in a context of its own.
        structlog.contextvars.bind_contextvars(
            stream=secrets.token_hex(4), environment=gateway.environment, gateway=gateway.name, node=session.node
        )
        self._desk.enter(session)
        log.info("xds.node_connected")
        try:
            ending = await session.run(all_requests, context.write)
        except TooMuch as error:
            ending = (grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
        finally:
            self._desk.leave(session)
            ledger.close()
            log.info("xds.node_gone")
        # 4. Say why, if it was not the node that left.
        if ending:
            await context.abort(*ending)

    async def _gateway(self, token: str, context: Any) -> Gateway | None:
        return await self._or_later(self._desk.gateway_of_token(token), context) if token else None

    async def _or_later(self, answer: Awaitable[Answer], context: Any) -> Answer:
        """The answer; without a database the stream ends, and Envoy, which keeps what it has, tries again."""
        try:
            return await answer
        except Exception:  # whatever it was, it is logged, and the node is not told that its token is wrong
            log.warning("xds.store_unreachable", exc_info=True)
            await context.abort(grpc.StatusCode.UNAVAILABLE, "Trustyard cannot look this up now.")
            raise  # not reached: abort raises


async def _again(first: Any, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """The requests, with the first one back in its place."""
    yield first
    del first  # may be large, and the stream may be open for months
    async for request in requests:
        yield request
        del request


async def _name(requests: AsyncIterator[Any]) -> Any:
    """The node of the first request; None where it does not come."""
    try:
        first = await asyncio.wait_for(anext(aiter(requests), None), NAME_SECONDS)
    except TimeoutError:
        return None
    return first and first.node


def _tell(context: Any, node: Any, why: str, count: int) -> None:
    """A line of the log about who was refused; what it calls itself is not proven."""
    name, cluster = (visible(given[:MAX_NODE]) for given in (node.id, node.cluster)) if node else ("", "")
    log.warning("xds.refused", node=name, cluster=cluster, address=_address(context), reason=visible(why), count=count)


def _address(context: Any) -> str:
    """Of the peer, without its port, which is another one each time; gRPC writes `ipv6:%5B::1%5D:4711`."""
    return unquote(context.peer()).partition(":")[2].rpartition(":")[0].strip("[]")


def _token(context: Any) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == "authorization" and isinstance(value, str) and value.startswith("Bearer "):
            return value.removeprefix("Bearer ").strip()
    return ""


def _node_problem(node: Any, gateway: Gateway) -> Ending | None:
    cluster = f"{gateway.environment}/{gateway.name}"
    if node.cluster != cluster:
        says = node.cluster[:MAX_NODE] or "nothing"
        sentence = f"This token belongs to the gateway {cluster}, but node.cluster says {says}."
        return grpc.StatusCode.PERMISSION_DENIED, sentence
    if not 0 < len(node.id) <= MAX_NODE or not node.id.isprintable():
        sentence = f"node.id must have 1 to {MAX_NODE} printable characters: give each Envoy process a name of its own."
        return grpc.StatusCode.INVALID_ARGUMENT, sentence
    return None


@dataclass
class Running:
    """A server that listens on `port`."""

    port: int
    _server: Any
    _desk: Desk

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return self._desk.streams

    async def stop(self) -> None:
        """Ends every stream and stops listening, within about a second."""
        await self._desk.stop()
        await self._server.stop(GRACE_SECONDS)
        await self._desk.close()


def _limits(most: int) -> tuple[tuple[str, int], ...]:
    """Of strangers: a token is asked for with a stream alone. gRPC closes at once what is one connection too many.

    It bounds none of a single address, and shows no connection before its stream: to count those is for a firewall.
    """
    return (
        ("grpc.max_allowed_incoming_connections", most),
        ("grpc.server_handshake_timeout_ms", round(HANDSHAKE_SECONDS * 1000)),
        ("grpc.max_connection_idle_ms", round(IDLE_SECONDS * 1000)),
    )


async def start(
    address: Address,
    tls: tuple[Path, Path] | None,
    *,
    store: Store | None = None,
    poll_seconds: float = POLL_SECONDS,
    most: int = MAX_CONNECTIONS,
) -> Running:
    """Listens on (host, port); port 0 takes a free one. `tls` names the PEM files of certificate chain and key.

    `most` is how many connections there may be at once.

    Raises Refused: `xds-address` when the address cannot be had, `xds-tls` when the files cannot be read or are missing
    for an address that is not loopback.
    """
    host, port = address
    if tls is None and not is_loopback(host):
        raise Refused(f"Without TLS files xDS listens on loopback only, not on {host}.", code="xds-tls")
    if store is None:
        from trustyard.xds.delivered import Delivered  # needs Django, which a test of the protocol does not

        store = Delivered()
    server = grpc.aio.server(options=(*OPTIONS, *_limits(most)))
    desk = Desk(store, poll_seconds)
    ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(Streams(desk), server)
    name = host_port(host, port)
    try:
        bound = server.add_secure_port(name, credentials(*tls)) if tls else server.add_insecure_port(name)
        await server.start()
    except BaseException as error:
        await server.stop(None)
        await desk.stop()
        await desk.close()
        if isinstance(error, RuntimeError):
            raise Refused(
                f"xDS cannot listen on {name}: another program has the address, or it is not of this machine.",
                code="xds-address",
                advice="Set TRUSTYARD_XDS_LISTEN to another address; port 0 takes a free one.",
            ) from error
        raise
    return Running(bound, server, desk)
