"""What a look takes the answers of a listener for; real gateways are looked at in tests/live."""

from __future__ import annotations

import contextlib
import socket
import ssl
from ipaddress import ip_network

import pytest

from tests.tls_servers import Ca, Listener, TlsServer
from trustyard.errors import SourceUnreachable
from trustyard.sources.guard import Guard
from trustyard.sources.listeners import look

ROOT = Ca.new("Root")
LEAF = ROOT.issue("leaf.test", ip=["127.0.0.1"])
LOOPBACK = Guard(allow=(ip_network("127.0.0.0/8"),))
CUT = b"the end of TCP alone"
PERHAPS = "a stranger was answered with HTTP {}, perhaps by a program behind the gateway"


class Optional(TlsServer):
    """Asks for a certificate, takes whoever has none, and answers this; nothing at all where that is None."""

    def __init__(self, answer: bytes | None) -> None:
        super().__init__(LEAF, demand_client=True, client_ca=ROOT.cert_pem)
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.answer = answer

    def serve(self, connection: socket.socket) -> None:
        tls = self.context.wrap_socket(connection, server_side=True)
        self._open.append(tls)
        tls.recv(4096)
        if self.answer == CUT:
            tls.close()
        elif self.answer is not None:
            tls.sendall(self.answer)
            tls.unwrap()


@pytest.mark.parametrize(
    ("answer", "stranger", "words"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "let in", "it was answered with HTTP 200"),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", "let in", "it was answered with HTTP 404"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n400 The SSL certificate error", "refused", "it was answered with HTTP 400"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\nNo host trustyard.invalid", "unclear", PERHAPS.format(400)),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "unclear", PERHAPS.format(403)),
        (b"HTTP/1.1 401 \r\n\r\n", "unclear", PERHAPS.format(401)),
        (b"HTTP/1.1 495 \r\n\r\n", "refused", "it was answered with HTTP 495"),
        (b"HTTP/1.1 496 \r\n\r\n", "refused", "it was answered with HTTP 496"),
        (b"220 mail.test\r\n", "let in", "it was answered with data"),
        (b"", "refused", "the connection was ended"),
        (CUT, "refused", "the connection was ended"),
        (None, "unclear", "the connection of a stranger stayed open, and nothing came of it"),
    ],
)
def test_the_answer_tells_whether_a_stranger_got_in(answer: bytes | None, stranger: str, words: str) -> None:
    with Optional(answer) as server:
        listener = look(f"127.0.0.1:{server.port}", LOOPBACK, seconds=5 if answer is not None else 0.5)
    assert (listener.asks, listener.stranger, listener.words) == (True, stranger, words)


class Stalling(TlsServer):
    """Asks for a certificate, and is not heard again."""

    def serve(self, connection: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(connection.recv(65_536))
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        connection.sendall(outgoing.read())


def old(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2


def test_a_handshake_that_does_not_end_is_not_taken_for_a_refusal() -> None:
    with Stalling(LEAF, demand_client=True, client_ca=ROOT.cert_pem, configure=old) as server:
        listener = look(f"127.0.0.1:{server.port}", LOOPBACK, seconds=0.5)
    assert (listener.asks, listener.stranger, listener.words) == (
        True,
        "unclear",
        "the handshake of a stranger did not end in time",
    )


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["no TLS", "silence"])
def test_who_does_not_speak_tls_is_not_taken_for_an_open_door(said: bytes) -> None:
    class Other(Listener):
        def serve(self, connection: socket.socket) -> None:
            connection.sendall(said)

    with Other() as server, pytest.raises(SourceUnreachable):
        look(f"127.0.0.1:{server.port}", LOOPBACK, seconds=0.5)


def test_a_handshake_that_is_broken_off_is_a_refusal() -> None:
    with TlsServer(LEAF, demand_client=True, client_ca=ROOT.cert_pem, configure=old) as server:
        listener = look(f"127.0.0.1:{server.port}", LOOPBACK)
    assert (listener.asks, listener.stranger, listener.words) == (True, "refused", "the handshake was refused")
