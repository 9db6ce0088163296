"""What strangers may hold of the xDS listener: so many connections, and none for long that opens no stream."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from tests.live.envoy import eventually
from tests.tls_servers import Ca
from tests.xds.client import Client
from tests.xds.memory import ControlPlane
from trustyard.xds import server

MOST = 3
MAX_CONCURRENT_STREAMS = 3  # RFC 9113, section 6.5.2
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # an empty SETTINGS frame


@pytest.fixture(params=["plain", "tls"])
def plane(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ControlPlane]:
    files = Ca.new("xDS Test CA").issue("localhost", ip=["127.0.0.1"]).write(tmp_path)
    with ControlPlane(tls=files if request.param == "tls" else None, most=MOST) as plane:
        yield plane


def connect(plane: ControlPlane) -> socket.socket:
    return socket.create_connection(("127.0.0.1", plane.port), timeout=10)


def is_over(one: socket.socket) -> bool:
    """Whether the server has ended it; what it said before is read away."""
    one.setblocking(False)
    try:
        while one.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


def test_one_connection_too_many_ends_at_once_and_another_is_let_in_when_one_is_gone(plane: ControlPlane) -> None:
    with ExitStack() as open_ones:
        held = [open_ones.enter_context(connect(plane)) for _ in range(MOST)]
        late = open_ones.enter_context(connect(plane))
        eventually(lambda: is_over(late))
        assert [is_over(one) for one in held] == MOST * [False]
        held[0].close()

        def let_in() -> bool:
            one = open_ones.enter_context(connect(plane))
            one.settimeout(0.3)
            try:
                return one.recv(1) != b""
            except TimeoutError:
                return True  # with TLS it is for the client to speak first
            except ConnectionError:
                return False

        eventually(let_in)


def test_a_connection_that_shakes_no_hands_is_ended(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    plane.stop()
    monkeypatch.setattr(server, "HANDSHAKE_SECONDS", 0.5)
    plane.start()
    with connect(plane) as silent:
        eventually(lambda: is_over(silent))


def test_a_connection_without_a_stream_is_ended_and_one_with_a_stream_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS", 1.0)
    with ControlPlane(most=MOST) as plane, Client(plane.port, plane.store.add()) as served:
        served.subscribe("used")
        served.receive()
        with connect(plane) as idle:
            idle.sendall(HELLO)
            head = idle.recv(9)
            assert head[3] == 4, "the server's own SETTINGS: it was let in"
            told = dict(struct.iter_unpack(">HI", idle.recv(head[2])))
            assert told[MAX_CONCURRENT_STREAMS] == 100
            eventually(lambda: is_over(idle))
        with Client(plane.port, "wrong") as stranger:
            stranger.subscribe("used")
            assert stranger.end()[0] == grpc.StatusCode.UNAUTHENTICATED
        served.subscribe("truststore")
        assert served.receive().resources
