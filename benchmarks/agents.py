"""Idle agents on one server process: memory for each; then a release until the last receipt.

Each agent is one connection with one open request, as `trustyard agent` has it. The server's memory is its resident
set, before the first agent came and with all of them waiting.

    .venv/bin/python benchmarks/agents.py [--agents 2000] [--fan-out 200] [--rounds 10] [--roots none|mozilla]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.authority import Authority
from tests.server.serving import Serving
from trustyard.gateways.agent import wire


class Node:
    """One agent, as bytes on a connection of its own."""

    def __init__(self, name: str, token: str) -> None:
        self.name = name
        self._token = token
        self.have = ""

    async def open(self, host: str, port: int) -> None:
        self._reader, self._writer = await asyncio.open_connection(host, port, limit=2**22)

    def ask(self, wait: float = 60) -> None:
        query = f"node={self.name}&process={self.name}&wait={wait}" + (f"&have={self.have}" if self.have else "")
        self._send("GET", f"{wire.RELEASE}?{query}", b"")

    async def given(self) -> None:
        """The release that was waited for."""
        _, body = await self._answer()
        value = json.loads(body)
        self.have = wire.version(value["number"], value["digest"])

    async def tell(self) -> None:
        """Hands in the receipt, and returns when it is kept."""
        word = {"node": self.name, "release": self.have, "state": "accepted", "words": "", "milliseconds": 1}
        self._send("POST", wire.RECEIPT, json.dumps(word).encode())
        status, _ = await self._answer()
        assert status == 204, status

    def close(self) -> None:
        self._writer.close()

    def _send(self, verb: str, address: str, body: bytes) -> None:
        head = f"{verb} {address} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self._token}\r\n"
        self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async def _answer(self) -> tuple[int, bytes]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = head.partition("content-length: ")[2].partition("\r\n")[0]
        return int(head.split()[1]), await self._reader.readexactly(int(length or 0))


def main() -> None:
    """Prints memory first, then the times."""
    parser = argparse.ArgumentParser(description="Agents on one server process.")
    parser.add_argument("--agents", type=int, default=2000)
    parser.add_argument("--fan-out", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--roots", choices=["none", "mozilla"], default="none", help="the environment's root set")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the server inherits it
    with (
        tempfile.TemporaryDirectory(prefix="trustyard-benchmark-") as name,
        Serving(Path(name) / "data") as server,
        server.client() as rest,
    ):
        rest.post("/api/v1/environments", json={"name": "bench", "type": "test", "root_set": options.roots})
        rest.post("/api/v1/environments/bench/gateways", json={"name": "edge", "kind": "agent"})
        text = rest.get("/api/v1/environments/bench/gateways/edge/bootstrap").text
        token = next(line.split('"')[1] for line in text.splitlines() if line.startswith("token = "))
        _save(rest, -1)
        asyncio.run(_measure(server, rest, token, options))


async def _measure(server: Serving, rest: httpx.Client, token: str, options: argparse.Namespace) -> None:
    pid = server.process.pid
    nodes = await _joined(server, token, options.fan_out)  # also warms the server up
    taken = [await _round(rest, nodes, number) for number in range(options.rounds + 1)][1:]
    for node in nodes:
        node.close()
    await asyncio.sleep(1)
    before = _resident(pid)
    idle = await _joined(server, token, options.agents, ask=False)
    connected = _resident(pid)
    for node in idle:
        node.have = nodes[0].have
        node.ask()
    await _until_there(server, options.agents)
    after = _resident(pid)
    each, plain = (after - before) / options.agents, (connected - before) / options.agents
    print(f"{each:6.1f} KB for each of {options.agents} idle agents (aim: under 30), {plain:.1f} of it its connection")
    print(f"{after / 1000:6.1f} MB resident with them, {before / 1000:.1f} MB before")
    print(f"{statistics.median(taken):6.0f} ms from the click to the last of {options.fan_out} receipts, ", end="")
    print(f"median of {len(taken)} ({min(taken):.0f} to {max(taken):.0f}), root set {options.roots}")
    for node in idle:
        node.close()


async def _joined(server: Serving, token: str, count: int, *, ask: bool = True) -> list[Node]:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    nodes = [Node(f"node-{number}", token) for number in range(count)]
    for node in nodes:
        await node.open(host, int(port))
    if ask:
        for node in nodes:
            node.ask()
            await node.given()
            await node.tell()
            node.ask()
        await _until_there(server, count)
    return nodes


async def _round(rest: httpx.Client, nodes: list[Node], number: int) -> float:
    begun = time.perf_counter()
    saving = asyncio.create_task(asyncio.to_thread(_save, rest, number))
    await asyncio.gather(*(_turn(node) for node in nodes))
    taken = (time.perf_counter() - begun) * 1000
    await saving
    return taken


async def _turn(node: Node) -> None:
    await node.given()
    await node.tell()
    node.ask()


def _save(rest: httpx.Client, number: int) -> None:
    source = {"kind": "paste", "encoding": "BASE64PEM", "content": Authority(f"CA {number}").pem}
    name = f"partner-{number}"
    body = {"name": name, "entries": [{"environment": "bench", "alias": name, "source": source}], "deploy": True}
    rest.post("/api/v1/certificates?wait=0", json=body).raise_for_status()


async def _until_there(server: Serving, count: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        while f"trustyard_agents_connected {count}.0" not in (await client.get(f"{server.url}/metrics")).text:
            await asyncio.sleep(0.2)


def _resident(pid: int) -> float:
    """Kilobytes."""
    text = Path(f"/proc/{pid}/status").read_text()
    return float(text.partition("VmRSS:")[2].split()[0]) * 1.024


if __name__ == "__main__":
    main()
