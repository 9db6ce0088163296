"""What a peer answers to a TLS greeting, down to OpenSSL: certificates, or a sentence why not."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import Any

from trustyard.errors import SourceUnreachable, TrustyardError
from trustyard.pki.containers import read_presented
from trustyard.sources import peers
from trustyard.sources.addresses import parse_url
from trustyard.sources.tls import Handshake

_TARGET = parse_url("https://peer.test")
_MAX_BYTES = 100_000


class _Peer:
    """A socket whose other side says these bytes, whatever it hears."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def settimeout(self, seconds: float) -> None:
        """Nobody waits here."""

    def sendall(self, data: bytes) -> None:
        """Nobody listens."""

    def recv(self, count: int) -> bytes:
        """The next bytes; nothing at the end."""
        said, self.data = self.data[:count], self.data[count:]
        return said


def tls_peer(data: bytes) -> None:
    """`peers` and the handshake of `sources/tls.py`."""
    assert isinstance(peers.speaks_tls(data[:256]), bool)
    assert peers.description(data[:256])
    socket: Any = _Peer(data)
    handshake = Handshake(_TARGET, socket, monotonic() + 60, _MAX_BYTES)
    failure = handshake.run()
    handshake.part()
    assert failure is None or isinstance(failure, SourceUnreachable)
    assert handshake.received <= _MAX_BYTES + 16384
    with suppress(TrustyardError):
        read_presented(handshake.chain())
