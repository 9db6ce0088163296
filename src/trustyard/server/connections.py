"""Connections of strangers: how many at once, and how much and how long one may take to say what it wants."""

from __future__ import annotations

import ipaddress
import resource
import time
from asyncio import BaseTransport
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from trustyard.pki.hosts import ip_of
from trustyard.xds.room import MAX_CONNECTIONS

from .answers import CLOSE, Answer, problem
from .configuration import Network
from .joined import Joined

log = structlog.get_logger(__name__)
HEAD_BYTES = 65_536  # all of a request that is no body: its line, headers, trailers
CHUNK_BYTES = 32  # what each piece of a chunked body may have around it
PIECE_BYTES = 16_384  # what is parsed between two looks at the count
HEAD_SECONDS = 15.0
UNREAD_SECONDS = 60.0  # an answer of which nobody takes another byte
LINGER_SECONDS = 1.0  # so long, and while so much more comes, a refusal may be read
LINGER_BYTES = 1_000_000
PIPELINED = 100
MOST = 10_000
MOST_EACH = 1_000
DESCRIPTORS = 16_384  # asked of the system
RESERVED = 256  # descriptors for the database, files and gateways
ENVOYS = 4  # one descriptor in four, where there are few
QUIET_SECONDS = 60.0  # between two lines of the log about refused connections
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


def descriptors() -> int:
    """How many this process may have, after asking for as many as may be needed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def of_envoys() -> int:
    """How many connections Envoys may have."""
    return min(MAX_CONNECTIONS, descriptors() // ENVOYS)


@dataclass
class Connections:
    """Counts who is connected. Proxies that are trusted, and this host, may have as many as there are."""

    proxies: Sequence[Network] = ()
    most: int = 0  # 0: what the descriptors of this process allow
    each: int = 0
    head_seconds: float = HEAD_SECONDS
    unread_seconds: float = UNREAD_SECONDS
    _open: Counter[str] = field(default_factory=Counter)
    _all: int = 0
    _refused: int = 0
    _said: float = -QUIET_SECONDS

    def __post_init__(self) -> None:
        self.most = self.most or min(MOST, max(64, descriptors() - RESERVED - of_envoys()))
        self.each = self.each or min(MOST_EACH, self.most // 4)

    def admit(self, host: str) -> str | None:
        """Who it counts for, to be given back with `leave`; None where there are too many."""
        key = "" if self._is_proxy(host) else whose(host)
        if self._all >= self.most or (key and self._open[key] >= self.each):
            self._refuse(host)
            return None
        self._all += 1
        self._open[key] += 1
        return key

    def leave(self, key: str) -> None:
        """A connection that was admitted is over."""
        self._all -= 1
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]

    def look(self, connections: Iterable[Any]) -> None:
        """Once a second: ends those that took too long. So no request costs a timer."""
        now = time.monotonic()
        for one in list(connections):
            one.look(now)

    def _refuse(self, host: str) -> None:
        self._refused += 1
        now = time.monotonic()
        if now - self._said >= QUIET_SECONDS:  # a line for each would let an attacker fill the log
            log.warning("connections.refused", count=self._refused, address=host, open=self._all, most=self.most)
            self._said, self._refused = now, 0

    def _is_proxy(self, host: str) -> bool:
        address = ip_of(host)
        return address is None or any(address in network for network in (*LOOPBACK, *self.proxies))


class Connection(HttpToolsProtocol):
    """uvicorn's own, which reads headers without end and waits for them for ever.

    On the way of every request there is one addition; all else is looked at once a second.
    """

    def __init__(self, *arguments: Any, connections: Connections, **rest: Any) -> None:
        super().__init__(*arguments, **rest)
        self._counted = connections
        self._key: str | None = None
        self._over = False
        self._head = 0  # bytes of the request under way that are no body
        self._awaited: object = None  # whose headers are waited for, and since when
        self._since = 0.0
        self._unread = 0
        self._unread_since = 0.0

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn wants the transport of a socket
        self.transport = Joined(self.transport, self.loop)  # type: ignore[assignment]  # is one in all that it is asked
        self._key = self._counted.admit(self.client[0] if self.client else "")
        self._awaited, self._since = self.scope, time.monotonic()
        if self._key is None:
            detail = "There are too many connections."
            self._write(problem(503, "busy", "Busy", detail, {**CLOSE, "Retry-After": "5"}))
            self._over = True
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._key is not None:
            self._counted.leave(self._key)

    def data_received(self, data: bytes) -> None:
        if len(data) > PIECE_BYTES:
            for start in range(0, len(data), PIECE_BYTES):
                self.data_received(data[start : start + PIECE_BYTES])
            return
        self._head += len(data)
        if self._over or self.transport.is_closing():
            if self._head > LINGER_BYTES:
                self.transport.abort()
            return
        super().data_received(data)
        if self._head > HEAD_BYTES:
            detail = f"The headers of a request are at most {HEAD_BYTES} bytes long."
            self._end(problem(431, "headers-too-large", "Headers too large", detail, CLOSE))
        elif len(self.pipeline) > PIPELINED:
            self._end(None)

    def on_body(self, body: bytes) -> None:
        self._head = max(0, self._head - len(body) - CHUNK_BYTES)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head = 0
        super().on_message_complete()

    def look(self, now: float) -> None:
        """Ends it where its headers or its reader take too long."""
        unread = self.transport.get_write_buffer_size()
        if not unread or unread != self._unread:
            self._unread, self._unread_since = unread, now
        elif now - self._unread_since > self._counted.unread_seconds:
            self.transport.abort()
            return
        if not self._waits():
            self._awaited = None
        elif self._awaited is not self.scope:
            self._awaited, self._since = self.scope, now
        elif now - self._since > self._counted.head_seconds:
            detail = f"The headers did not arrive within {self._counted.head_seconds:g} seconds."
            self._end(problem(408, "too-slow", "Too slow", detail, CLOSE) if self._head else None)

    def _waits(self) -> bool:
        """Whether headers are to come: the first ones, or some that have begun. Between two requests uvicorn waits."""
        cycle: Any = self.cycle  # None before the first
        # Bytes after the answer that are no request have stopped uvicorn's own timer.
        answered = cycle is None or (cycle.response_complete and self.timeout_keep_alive_task is None)
        return answered and not self._over

    def _end(self, answer: Answer | None) -> None:
        self._over = True
        cycle: Any = self.cycle
        if answer is None or (cycle is not None and not cycle.response_complete):
            self.transport.close()  # amid another answer there is no place for this one
            return
        self._write(answer)
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _write(self, answer: Answer) -> None:
        status = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"
        headers = {"X-Content-Type-Options": "nosniff", **answer.headers, "Content-Length": str(len(answer.body))}
        lines = [status, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self.transport.write("\r\n".join(lines).encode("latin1") + answer.body)


def whose(host: str) -> str:
    """The key of an address: of IPv6 its first 64 bits, since one host usually has all addresses of such a network."""
    address = ip_of(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
