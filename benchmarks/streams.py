"""The two programs at the ends of many delta streams: a fleet of nodes that confirm at once, and a bare server.

Each runs in a process of its own, started by `fleet.py`, and is told over standard input what to do.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.service.discovery.v3 import ads_pb2_grpc
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse

SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
TRUST = "truststore"
# Of the receiving side: a connection for each stream, as two hundred Envoys have.
APART = [("grpc.use_local_subchannel_pool", 1)]


async def fleet(port: int, nodes: list[dict[str, str]]) -> None:
    """Opens a stream for each node (`cluster`, `id`, `token`) and confirms whatever comes; ends with standard input."""
    confirmed = asyncio.Semaphore(0)
    streams = [asyncio.ensure_future(_node(port, node, confirmed)) for node in nodes]
    for _ in nodes:  # each has been given its first secret
        await confirmed.acquire()
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for stream in streams:
        stream.cancel()
    await asyncio.gather(*streams, return_exceptions=True)


async def _node(port: int, node: dict[str, str], confirmed: asyncio.Semaphore) -> None:
    me = {"id": node["id"], "cluster": node["cluster"]}
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=APART) as channel:
        stub = ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel)
        stream = stub.DeltaAggregatedResources(metadata=[("authorization", f"Bearer {node['token']}")])
        await stream.write(DeltaDiscoveryRequest(node=me, type_url=SECRET, resource_names_subscribe=[TRUST]))
        async for response in stream:
            await stream.write(DeltaDiscoveryRequest(type_url=SECRET, response_nonce=response.nonce))
            confirmed.release()


class Bare(ads_pb2_grpc.AggregatedDiscoveryServiceServicer):
    """A server with no rules, no store and no receipts: what one process can do at best."""

    def __init__(self) -> None:
        self.outgoing: list[asyncio.Queue[DeltaDiscoveryResponse]] = []
        self.confirmed = asyncio.Semaphore(0)

    async def DeltaAggregatedResources(self, requests: AsyncIterator[Any], context: Any) -> None:
        queue: asyncio.Queue[DeltaDiscoveryResponse] = asyncio.Queue()
        await anext(aiter(requests))
        self.outgoing.append(queue)
        reading = asyncio.ensure_future(self._read(requests))
        queue.put_nowait(DeltaDiscoveryResponse(type_url=SECRET, nonce="0"))
        try:
            while True:
                await context.write(await queue.get())
        finally:
            reading.cancel()

    async def _read(self, requests: AsyncIterator[Any]) -> None:
        async for _ in requests:
            self.confirmed.release()

    async def push(self, pem: bytes, nonce: str) -> float:
        """Milliseconds until the last stream has confirmed this truststore."""
        begun = time.perf_counter()
        secret = Secret(name=TRUST)
        secret.validation_context.trusted_ca.inline_bytes = pem
        for queue in self.outgoing:
            response = DeltaDiscoveryResponse(type_url=SECRET, nonce=nonce)
            response.resources.add(name=TRUST, version=nonce).resource.Pack(secret)
            queue.put_nowait(response)
        for _ in self.outgoing:
            await self.confirmed.acquire()
        return (time.perf_counter() - begun) * 1000


async def bare(streams: int) -> None:
    """Prints its port; for each line, the path of a PEM file, the milliseconds that it took to reach every stream."""
    server, plane = grpc.aio.server(options=[("grpc.so_reuseport", 0)]), Bare()
    ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(plane, server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    for _ in range(streams):
        await plane.confirmed.acquire()
    read = asyncio.get_running_loop().run_in_executor
    while line := await read(None, sys.stdin.readline):
        print(await plane.push(Path(line.strip()).read_bytes(), line.strip()), flush=True)
    await server.stop(None)


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    asyncio.run(bare(int(words[0])) if what == "bare" else fleet(int(words[0]), json.loads(Path(words[1]).read_text())))
