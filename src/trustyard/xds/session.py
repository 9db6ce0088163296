"""One stream of one node: requests in, responses out, its word to the recorder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any

import grpc

from trustyard.gateways.envoy.resources import Catalogue, Resource
from trustyard.gateways.receipts import Receipt
from trustyard.xds.dialects import Dialect
from trustyard.xds.ledger import Ledger, Line
from trustyard.xds.store import Gateway

Ending = tuple[grpc.StatusCode, str]


class Session:
    """A stream whose node said who it is. `spoke` is called when its word may have changed."""

    def __init__(
        self,
        gateway: Gateway,
        token: str,
        node: str,
        ledger: Ledger,
        dialect: Dialect,
        spoke: Callable[[Session], None],
    ) -> None:
        self.gateway = gateway
        self.token = token
        self.node = node
        self.ledger = ledger
        self._dialect = dialect
        self._spoke = spoke
        self._news = asyncio.Event()  # something may be due
        self._over = False  # no response is begun any more
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def aim(self, catalogue: Catalogue, *, retry: bool = False) -> None:
        """Sets the wanted catalogue."""
        self.ledger.aim(catalogue, retry=retry)
        self._tell()

    def end(self, code: grpc.StatusCode, words: str) -> None:
        """Ends the stream with this status."""
        if not self._ending.done():
            self._ending.set_result((code, words))

    def receipt(self) -> Receipt | None:
        """The receipt of this stream for the wanted release."""
        return self.ledger.receipt(self.node)

    async def run(self, requests: AsyncIterable[Any], write: Callable[[Any], Awaitable[None]]) -> Ending | None:
        """Serves the stream until the node leaves (None), or until `end` gives the status to close it with."""
        reading, writing = (asyncio.ensure_future(t) for t in (self._read_all(requests), self._write_all(write)))
        futures: list[asyncio.Future[Any]] = [reading, writing, self._ending]
        try:
            done, _ = await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
            # gRPC ends no stream amid a response: until the node has read that, the stream is open and counts as such.
            reading.cancel()
            self._over = True
            self._news.set()
            await asyncio.wait([writing])
            if self._ending in done:
                return self._ending.result()
            for future in done:
                future.result()  # raises what went wrong
            return None
        finally:
            for task in (reading, writing):
                task.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)

    async def _read_all(self, requests: AsyncIterable[Any]) -> None:
        async for request in requests:
            self._dialect.read(request)
            self._tell()
            del request  # may be large, and the next one may be months away

    async def _write_all(self, write: Callable[[Any], Awaitable[None]]) -> None:
        """Writes responses. None is queued: each is made when the node can take it, from what is due by then."""
        while not self._over:
            await self._news.wait()
            self._news.clear()
            for line, resource in self.ledger.due():
                if self._over:
                    return
                if self._dialect.may_push(line):
                    await self._send(line, resource, write)

    async def _send(self, line: Line, resource: Resource, write: Callable[[Any], Awaitable[None]]) -> None:
        """A function of its own, so that no stream holds its last response, maybe a megabyte, in a local variable."""
        response = self._dialect.write(line, resource)
        self.ledger.push(line, resource)
        await write(response)

    def _tell(self) -> None:
        self._news.set()
        self._spoke(self)
