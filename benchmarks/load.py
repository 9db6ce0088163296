"""Many clients of one or more HTTP servers: requests made beforehand, each client sending its next when answered."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Sent:
    """What came of it: how long it took altogether, and each request in seconds."""

    seconds: float = 0.0
    taken: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests answered per second."""
        return len(self.taken) / self.seconds

    @property
    def median(self) -> float:
        """Milliseconds of the request in the middle."""
        return statistics.median(self.taken) * 1000


def request(verb: str, path: str, token: str = "", body: Any = None) -> bytes:
    """One request as bytes, so that making it costs nothing while the clock runs."""
    data = b"" if body is None else json.dumps(body).encode()
    head = f"{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
    head += f"Authorization: Bearer {token}\r\n" if token else ""
    head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n" if data else ""
    return f"{head}\r\n".encode() + data


def send(urls: list[str], requests: Iterable[bytes], clients: int) -> Sent:
    """Sends them all, by so many clients, each with a connection of its own to one of the servers in turn."""
    return asyncio.run(_send(urls, iter(requests), clients))


async def _send(urls: list[str], requests: Iterator[bytes], clients: int) -> Sent:
    sent = Sent()
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(_client(urls[number % len(urls)], requests, sent))
    sent.seconds = time.perf_counter() - begun
    return sent


async def _client(url: str, requests: Iterator[bytes], sent: Sent) -> None:
    host, _, port = url.removeprefix("http://").rpartition(":")
    streams = None
    for data in requests:
        begun = time.perf_counter()
        reader, writer = streams or await asyncio.open_connection(host, int(port), limit=2**26)
        writer.write(data)
        closed = await _answer(reader)
        sent.taken.append(time.perf_counter() - begun)
        streams = None if closed else (reader, writer)
        if closed:
            writer.close()
    if streams:
        streams[1].close()


async def _answer(reader: asyncio.StreamReader) -> bool:
    """Reads one answer whole; whether the server ends the connection after it. Stops the run where it is a refusal."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").lower()
    length = head.partition("content-length: ")[2].partition("\r\n")[0]
    body = await reader.readexactly(int(length)) if length else await reader.read()
    if not head.split()[1].startswith("2"):
        raise SystemExit(f"{head}\n{body[:2000].decode(errors='replace')}")
    return not length or "connection: close" in head
