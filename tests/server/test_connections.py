"""Connections over real sockets: headers without end, connections that say nothing, too many of them."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import resource
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from trustyard.server import connections
from trustyard.server.answers import Answer, Receive, Scope, Send
from trustyard.server.connections import DESCRIPTORS, ENVOYS, HEAD_BYTES, MOST, Connections, descriptors, of_envoys
from trustyard.server.running import HttpServer, runner
from trustyard.server.sockets import address_of, listen
from trustyard.xds.room import MAX_CONNECTIONS

from .serving import Serving, eventually

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
TEN_MEGABYTES = 10_000_000


def _said(connection: socket.socket) -> bytes:
    """All that comes until the other side ends it."""
    said = b""
    try:
        while piece := connection.recv(65_536):
            said += piece
    except ConnectionResetError:  # it had not read all that was sent
        pass
    return said


def _sent_without_end(connection: socket.socket, piece: bytes) -> bytes:
    """Sends until nobody listens any more, ten megabytes at most; what was answered."""
    sent = 0
    try:
        while sent < TEN_MEGABYTES:
            connection.sendall(piece)
            sent += len(piece)
    except OSError:
        pass
    return _said(connection) if sent < TEN_MEGABYTES else b"all of it was taken"


@pytest.mark.parametrize(
    ("begun", "piece"),
    [
        (GET, b"X-Many: and more\r\n" * 100),
        (GET + b"X-Long: ", b"a" * 100_000),
        (b"GET /", b"a" * 100_000),
        (b"\r\n", b"\r\n" * 10_000),
        (b"POST /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: localhost\r\n\r\n0\r\n", b"X-T: a\r\n" * 1000),
    ],
    ids=["many headers", "a long header", "a long address", "empty lines", "trailers"],
)
def test_headers_without_end_are_not_taken(server: Serving, begun: bytes, piece: bytes) -> None:
    with server.connection() as sender:
        sender.sendall(begun)
        assert _sent_without_end(sender, piece) != b"all of it was taken"


def test_headers_that_are_too_large_are_refused_in_words(server: Serving) -> None:
    with server.connection() as sender:
        sender.sendall(GET + b"X-Long: " + b"a" * (HEAD_BYTES + 500_000))
        head, _, body = _said(sender).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert b"connection: close" in head.lower()
    assert b"x-content-type-options: nosniff" in head.lower()
    assert json.loads(body)["type"] == "/problems/headers-too-large"
    assert "65536" in json.loads(body)["detail"]


def test_large_headers_that_are_within_the_limit_are_answered_again_and_again(server: Serving) -> None:
    with server.connection() as sender:
        for _ in range(5):
            sender.sendall(GET + b"X-Long: " + b"a" * (HEAD_BYTES - 1_000) + b"\r\n\r\n")
            said = b""
            while b'"ok"}' not in said:
                said += sender.recv(65_536)
            assert said.startswith(b"HTTP/1.1 200 ")


def test_a_body_in_very_small_pieces_is_not_taken_for_headers(server: Serving) -> None:
    head = b"POST /api/v1/certificates/inspect HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with server.connection() as sender:
        sender.sendall(head + b"a\r\n0123456789\r\n" * 20_000 + b"0\r\n\r\n")
        assert _said(sender).startswith(b"HTTP/1.1 401 ")


def test_requests_sent_ahead_of_their_answers_are_bounded(server: Serving) -> None:
    with server.connection() as sender:
        assert _sent_without_end(sender, (GET + b"\r\n") * 1_000) != b"all of it was taken"


def test_what_is_no_request_leaves_no_line_in_the_log(server: Serving) -> None:
    with server.connection() as sender:
        sender.sendall(b"\x16\x03\x01 this is TLS\r\n\r\n")
        assert _said(sender).startswith(b"HTTP/1.1 400 ")
    with server.connection() as sender:
        sender.sendall(GET + b"Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n")
        assert b" 200 " in _said(sender)
    with server.client() as client:
        client.get("/api/v1/environments", headers={"X-Request-ID": "after"})
        eventually(lambda: any('"path": "/api/v1/environments"' in line for line in server.log))
    assert not [line for line in server.log if "uvicorn" in line]


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers at once; `/slow` when its client is gone, `/much` with more than a socket holds."""
    if scope["path"] == "/slow":
        while (await receive())["type"] != "http.disconnect":
            pass
    body = b"a" * 50_000_000 if scope["path"] == "/much" else b"well"
    await Answer(200, body).send(scope, send)


@contextmanager
def _listening(connections: Connections) -> Iterator[Any]:
    """A server of this process with these limits; what makes a connection to it."""
    with listen(("127.0.0.1", 0), "") as web:
        server = HttpServer(_app, connections)

        def serve() -> None:
            with runner() as running:
                running.run(server.serve(sockets=[web]))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield lambda: socket.create_connection(address_of(web), timeout=15)
        finally:
            server.should_exit = True
            thread.join()


def test_who_says_nothing_or_half_a_request_is_not_waited_for() -> None:
    with _listening(Connections(head_seconds=0.5)) as connect:
        silent, half, again = connect(), connect(), connect()
        half.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        again.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert again.recv(4096).startswith(b"HTTP/1.1 200 ")
        again.sendall(b"GET / HT")
        assert _said(silent) == b""
        for one in (half, again):
            assert b"HTTP/1.1 408 " in _said(one)
        for one in (silent, half, again):
            one.close()


def test_empty_lines_after_an_answer_do_not_keep_a_connection() -> None:
    with _listening(Connections(head_seconds=0.5)) as connect, connect() as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(4096).startswith(b"HTTP/1.1 200 ")
        idle.sendall(b"\r\n")
        assert b" 200 " not in _said(idle), "it ends"


def test_who_waits_for_an_answer_or_between_two_requests_is_left_alone() -> None:
    with _listening(Connections(head_seconds=0.5)) as connect:
        waiting, ahead, begun, idle = (connect() for _ in range(4))
        slow = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for one, more in ((waiting, b""), (ahead, slow), (begun, b"GET / HT")):
            one.sendall(slow + more)
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(4096).startswith(b"HTTP/1.1 200 ")
        for _ in range(3):  # as long as it takes to end one that says nothing, and longer
            with connect() as silent:
                assert _said(silent) == b""
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(4096).startswith(b"HTTP/1.1 200 ")
        for one in (waiting, ahead, begun):
            one.setblocking(False)
            with pytest.raises(BlockingIOError):
                one.recv(1)
            one.close()
        idle.close()


def test_amid_another_answer_there_is_no_refusal() -> None:
    with _listening(Connections()) as connect, connect() as sender:
        sender.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sender.sendall(GET + b"X-Long: " + b"a" * (HEAD_BYTES + 20_000))
        assert _said(sender) == b""


def _segments(connection: socket.socket) -> int:
    """How many pieces with data have come, as Linux counts them: `tcpi_data_segs_in` of `tcp_info`."""
    (count,) = struct.unpack_from("I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192), 152)
    return int(count)


def test_a_short_answer_comes_in_one_piece() -> None:
    with _listening(Connections()) as connect, connect() as asking:
        for answers in range(1, 11):
            asking.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert asking.recv(4096).endswith(b"\r\n\r\nwell")
            assert _segments(asking) == answers


def test_an_answer_that_nobody_takes_is_given_up() -> None:
    with _listening(Connections(unread_seconds=0.1)) as connect, connect() as deaf:
        deaf.sendall(b"GET /much HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with connect() as silent:
            silent.settimeout(4)  # two looks
            with pytest.raises(TimeoutError):
                silent.recv(1)
        assert len(_said(deaf)) < 50_000_000


def test_an_answer_that_is_taken_slowly_is_given_to_its_end() -> None:
    with _listening(Connections(unread_seconds=1.5)) as connect, connect() as slow, connect() as silent:
        slow.sendall(b"GET /much HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        silent.settimeout(0.05)
        taken = 0
        for _ in range(70):
            taken += len(slow.recv(100_000))
            with pytest.raises(TimeoutError):
                silent.recv(1)
        while piece := slow.recv(100_000):
            taken += len(piece)
    assert taken > 50_000_000


def test_one_connection_too_many_is_told_so_and_another_is_let_in_once_one_left() -> None:
    with _listening(Connections(most=3)) as connect:
        inside = [connect() for _ in range(3)]
        for one in inside:
            one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert one.recv(4096).startswith(b"HTTP/1.1 200 ")
        with capture_logs() as lines:
            for _ in range(3):
                with connect() as outside:
                    answer = _said(outside)
                    assert answer.startswith(b"HTTP/1.1 503 ")
                    assert b"Retry-After: 5" in answer
        assert [line["event"] for line in lines].count("connections.refused") == 1, "not a line for each"
        inside.pop().close()

        def let_in() -> bool:
            with connect() as another:
                another.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return _said(another).startswith(b"HTTP/1.1 200 ")

        eventually(let_in)
        for one in inside:
            one.close()


def test_an_address_has_its_share_and_proxies_have_all() -> None:
    doors = Connections((ipaddress.ip_network("10.1.0.0/16"),), most=100, each=2)
    assert [doors.admit("192.0.2.1") is not None for _ in range(3)] == [True, True, False]
    nets = ("2001:db8::1", "2001:db8::2:0:0:1", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::1")
    assert [doors.admit(address) is not None for address in nets] == [True, True, False, True]
    for proxy in ("10.1.2.3", "127.0.0.1", "::1", "::ffff:10.1.2.3"):
        assert all(doors.admit(proxy) is not None for _ in range(5)), proxy
    key = doors.admit("192.0.2.2")
    assert key is not None
    doors.leave(key)
    assert [doors.admit("192.0.2.2") is not None for _ in range(3)] == [True, True, False]


def test_an_address_that_has_gone_is_not_remembered() -> None:
    doors = Connections(most=100)
    for last in range(1, 9):
        key = doors.admit(f"192.0.2.{last}")
        assert key is not None
        doors.leave(key)
    assert not doors._open


def test_a_line_about_refused_connections_counts_those_since_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    doors = Connections(most=4, each=1)
    assert doors.admit("192.0.2.2") is not None
    with capture_logs() as lines:
        for quiet in (60, 60, 60, 0, 0):
            monkeypatch.setattr(connections, "QUIET_SECONDS", quiet)
            assert doors.admit("192.0.2.2") is None
    assert [line["count"] for line in lines] == [1, 3, 1]


def test_the_process_asks_for_the_descriptors_that_it_may_need() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, before[1]), before[1]))
        assert descriptors() == min(DESCRIPTORS, before[1])
        assert Connections().most + of_envoys() <= descriptors() - 256
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_fleet_of_two_thousand_envoys_that_restart_and_all_others_have_room_beside_each_other() -> None:
    assert MAX_CONNECTIONS >= 2 * 2_000
    assert MAX_CONNECTIONS + MOST + 256 <= DESCRIPTORS
    assert MAX_CONNECTIONS <= DESCRIPTORS // ENVOYS


def test_a_loop_of_the_standard_library_does_as_well() -> None:
    """uvloop is not there on every system."""

    async def asked() -> bytes:
        with listen(("127.0.0.1", 0), "") as web:
            server = HttpServer(_app, Connections(head_seconds=0.5))
            serving = asyncio.create_task(server.serve(sockets=[web]))
            reader, writer = await asyncio.open_connection(*address_of(web))
            writer.write(b"GET / HT")
            said = await reader.read()
            server.should_exit = True
            await serving
            writer.close()
            return said

    assert asyncio.run(asked()).startswith(b"HTTP/1.1 408 ")
