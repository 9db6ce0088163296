"""A store in memory and a control plane around it, for tests of the xDS server that need no database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from trustyard.gateways.receipts import Receipt
from trustyard.pki.content import Content, Material, PublishedJwk, TrustedEntry
from trustyard.xds.room import MAX_CONNECTIONS
from trustyard.xds.server import Running, start

Value = TypeVar("Value")


@dataclass(frozen=True)
class GatewayInMemory:
    """A gateway of the test."""

    id: int
    environment: str
    name: str
    kind: str = "envoy"
    options: Mapping[str, Any] = field(default_factory=dict)


class MemoryStore:
    """Gateways by token, one release per environment, receipts by node."""

    def __init__(self) -> None:
        self.gateways: dict[str, GatewayInMemory] = {}
        self.material: dict[str, Material] = {}
        self.receipts: list[tuple[int, int, Receipt]] = []
        self.nodes: dict[tuple[int, str], bool] = {}
        self.broken = False
        self.looks = 0  # for gateways
        self.turns = 0  # in which nodes were written
        self.unwritable = ""  # a node whose name the database does not take
        self._callbacks: list[Callable[[str], None]] = []

    def add(self, name: str = "edge", environment: str = "test", **options: Any) -> str:
        """A gateway; its token."""
        token = f"token-of-{environment}-{name}"
        known = self.gateways.get(token)
        pk = known.id if known else len(self.gateways) + 1
        self.gateways[token] = GatewayInMemory(pk, environment, name, options=options)
        return token

    def release(
        self,
        entries: Mapping[str, bytes] | None = None,
        *,
        roots: Iterable[bytes] = (),
        jwks: Iterable[Mapping[str, Any]] = (),
        environment: str = "test",
        tell: bool = True,
    ) -> int:
        """A new release: DER by alias, DER of the root set, JWKs."""
        material = make_material(
            entries or {}, roots=roots, jwks=jwks, environment=environment, number=self.number(environment) + 1
        )
        self.material[environment] = material
        if tell:
            self.tell(environment)
        return material.number

    def number(self, environment: str = "test") -> int:
        return self.material[environment].number if environment in self.material else 0

    def tell(self, environment: str) -> None:
        for callback in list(self._callbacks):
            callback(environment)

    def last(self, node: str = "edge", number: int | None = None) -> Receipt | None:
        """The newest word of a node, on its newest release or on the one given."""
        words = [(n, r) for _, n, r in self.receipts if r.node == node and (number is None or n == number)]
        return words[-1][1] if words else None

    def state(self, node: str = "edge", number: int | None = None) -> str:
        word = self.last(node, number or self.number())
        return word.state if word else ""

    # what the server calls

    def gateways_of_tokens(self, tokens: Iterable[str]) -> dict[str, GatewayInMemory]:
        self.looks += 1
        self._reachable()
        return {token: self.gateways[token] for token in tokens if token in self.gateways}

    def why_not(self, token: str) -> str:
        self._reachable()
        return f"{len(token)} letters of nobody."

    def wanted(self, environment: str) -> Material | None:
        self._reachable()
        return self.material.get(environment)

    def record_all(self, words: Iterable[tuple[int, int, Receipt]]) -> None:
        self._reachable()
        given = list(words)
        if any(receipt.node == self.unwritable for _, _, receipt in given):
            raise ValueError("This name cannot be stored.")
        self.receipts += given

    def seen_all(self, nodes: Iterable[tuple[int, str, bool]]) -> None:
        self._reachable()
        nodes = list(nodes)
        if any(node == self.unwritable for _, node, _ in nodes):
            raise ValueError("This name cannot be stored.")
        self.turns += 1
        self.nodes |= {(gateway_id, node): connected for gateway_id, node, connected in nodes}

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def _reachable(self) -> None:
        if self.broken:
            raise OSError("The database is away.")


def make_material(
    entries: Mapping[str, bytes],
    *,
    roots: Iterable[bytes] = (),
    jwks: Iterable[Mapping[str, Any]] = (),
    environment: str = "test",
    number: int = 1,
) -> Material:
    """A release of these things."""
    import hashlib

    ders = {hashlib.sha256(der).hexdigest(): der for der in [*entries.values(), *roots]}
    content = Content(
        environment,
        entries=tuple(TrustedEntry(a, a, hashlib.sha256(der).hexdigest()) for a, der in entries.items()),
        roots=tuple(hashlib.sha256(der).hexdigest() for der in roots),
        jwks=tuple(PublishedJwk(str(jwk.get("kid", at)), jwk) for at, jwk in enumerate(jwks)),
    )
    return Material(content, number, datetime(2026, 1, 1, tzinfo=UTC), ders)


class Loop:
    """An event loop in a thread: gRPC's wish is that a process has one for all its servers."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True, name="event loop of the xDS tests").start()

    def run(self, what: Coroutine[Any, Any, Value], seconds: float = 60) -> Value:
        """Runs it over there and waits for it here."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(seconds)


_loop: list[Loop] = []


def loop() -> Loop:
    """The one loop of this process."""
    if not _loop:
        _loop.append(Loop())
    return _loop[0]


class ControlPlane:
    """The real server on a port of loopback, with a store in memory."""

    def __init__(
        self, store: MemoryStore | None = None, tls: tuple[Path, Path] | None = None, most: int = MAX_CONNECTIONS
    ) -> None:
        self.store = store or MemoryStore()
        self.tls, self.most = tls, most
        self.port = 0
        self._running: Running | None = None

    def __enter__(self) -> ControlPlane:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> ControlPlane:
        """Starts, or starts again on the port it had."""
        address = "127.0.0.1", self.port
        self._running = loop().run(start(address, self.tls, store=self.store, poll_seconds=0.2, most=self.most))
        self.port = self._running.port
        return self

    def stop(self) -> None:
        if self._running:
            loop().run(self._running.stop())
            self._running = None
