"""A transport that sends the head of an answer together with its body."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Transport
from typing import Any


class Joined:
    """Around a transport: what is written first waits for what follows in the same turn of the loop.

    uvicorn writes the head and the body one after the other, and uvloop gives each to the system at once. Two steps of
    the system, and two packets to a client that wakes for each, cost an eighth of the time of a short answer.
    """

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._waits = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Sends it now, after what waits; or lets it wait, if nothing does."""
        if self._waits:
            first, self._waits = self._waits, b""
            self._transport.writelines((first, data))
        elif data:
            self._waits = data
            self._loop.call_soon(self._send)

    def close(self) -> None:
        """Ends the connection once all is sent."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        waits, self._waits = self._waits, b""
        if waits and not self._transport.is_closing():
            self._transport.write(waits)
