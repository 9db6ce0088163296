"""Bodies over a real socket: chunked, cut off, too large, too slow, many at once."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from trustyard.server.bodies import Bodies, BodyRefused

from .serving import Serving, eventually

INSPECT = "/api/v1/certificates/inspect"


def _connection(server: Serving) -> socket.socket:
    parts = urlsplit(server.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=30)


def _head(server: Serving, *lines: str) -> bytes:
    fixed = [f"POST {INSPECT} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {server.token}"]
    return "\r\n".join([*fixed, "Content-Type: application/json", *lines, "", ""]).encode()


def test_a_chunked_body_arrives_whole(server: Serving) -> None:
    body = json.dumps({"kind": "paste", "encoding": "BASE64", "content": "A" * 300_000}).encode()

    def chunks() -> Any:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    with server.client() as client:
        answer = client.post(INSPECT, content=chunks(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422  # read as JSON, and found to hold no certificate
    assert answer.json()["type"].startswith("/problems/")


@pytest.mark.parametrize("head", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_body_that_ends_early_reaches_nobody(server: Serving, head: str) -> None:
    """A cut-off body must not be taken as a complete one."""
    whole = json.dumps({"name": f"cut-{head[:3]}"}).encode()
    framed = whole if "Length" in head else f"{len(whole):x}\r\n".encode() + whole + b"\r\n"
    with _connection(server) as sent:
        path = _head(server, head).replace(INSPECT.encode(), b"/api/v1/environments")
        sent.sendall(path + framed)
    eventually(lambda: any('"status": 400' in line and "/api/v1/environments" in line for line in server.log))
    with server.client() as client:
        assert f"cut-{head[:3]}" not in client.get("/api/v1/environments").text


@pytest.mark.parametrize("declared", [True, False])
def test_fifty_megabytes_are_refused_with_413_to_the_end_of_the_upload(server: Serving, declared: bool) -> None:
    """No broken pipe: the sender is listened to, then told."""
    chunk = b"0" * 1_000_000
    headers = {"Content-Type": "application/json"} | ({"Content-Length": str(50 * len(chunk))} if declared else {})
    with server.client() as client:
        answer = client.post(INSPECT, content=(chunk for _ in range(50)), headers=headers)
        assert answer.status_code == 413
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"].endswith("/too-large")
        form = client.post(INSPECT, files={"file": ("big.pem", b"0" * 12_000_000)})
        assert form.status_code == 413


def test_a_body_that_is_too_large_comes_before_a_stale_version(server: Serving) -> None:
    """As docs/rest.md has the order: what is not read whole reaches no check."""
    with server.client() as client:
        stale = {"Content-Type": "application/json", "If-Match": '"0-0"'}
        address = "/api/v1/environments/test"
        assert client.patch(address, content=b"{}", headers=stale).status_code == 412
        assert client.patch(address, content=b"0" * 15_000_000, headers=stale).status_code == 413


def test_who_asks_first_is_told_before_sending(server: Serving) -> None:
    with _connection(server) as sent:
        sent.sendall(_head(server, "Content-Length: 50000000", "Expect: 100-continue"))
        assert sent.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_an_import_may_bring_more_than_others(server: Serving) -> None:
    path = "/api/v1/certificates/import"
    body = b'{"environments": ["nowhere"],' + b" " * 20_000_000 + b'"certificates": [{"pem": "x"}]}'
    with server.client() as client:
        answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.json()["type"].endswith("/unknown-environment")
        files = {"file": ("big.pem", b"0" * 20_000_000)}
        answer = client.post(path, files=files, data={"environments": "test"})
        assert [one["item"] for one in answer.json()["left_out"]] == ["big.pem"]
    with _connection(server) as sent:
        sent.sendall(
            _head(server, "Content-Length: 64000001", "Expect: 100-continue").replace(INSPECT.encode(), path.encode())
        )
        assert sent.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_slow_uploads_stop_nobody_else(server: Serving) -> None:
    """However many trickle in, none of them holds a thread."""
    slow = [_connection(server) for _ in range(40)]
    try:
        for one in slow:
            one.sendall(_head(server, "Content-Length: 1000") + b"{")
        started = time.monotonic()
        with server.client() as client:
            assert client.get("/api/v1/environments").status_code == 200
        assert time.monotonic() - started < 5
    finally:
        for one in slow:
            one.close()


def test_slow_foreign_servers_stop_nobody_else(server: Serving) -> None:
    """Fetches have a pool of their own: nine of them against a silent peer, and the list still answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        answers: list[int] = []

        def fetch() -> None:
            with server.client() as client:
                answers.append(client.post(INSPECT, json={"kind": "connection", "url": url}).status_code)

        threads = [threading.Thread(target=fetch) for _ in range(9)]
        for thread in threads:
            thread.start()
        connected = [silent.accept()[0] for _ in range(9)]
        started = time.monotonic()
        with server.client() as client:
            assert client.get("/api/v1/environments").status_code == 200
        assert time.monotonic() - started < 4
        for one in connected:
            one.close()
        for thread in threads:
            thread.join()
    assert answers == [422] * 9


def _read(messages: list[dict[str, Any]], bodies: Bodies, **headers: str) -> bytearray:
    scope = {"headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]}

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop(0)
        await asyncio.sleep(3600)
        return {}

    async def read() -> bytearray:
        with bodies.holding() as buffer:
            await bodies.read(scope, receive, buffer)
            return buffer

    return asyncio.run(read())


def test_a_body_that_does_not_come_in_time_is_refused_with_408() -> None:
    with pytest.raises(BodyRefused) as caught:
        _read([{"type": "http.request", "body": b"{", "more_body": True}], Bodies(seconds=0.05))
    assert caught.value.answer.status == 408


def test_memory_for_bodies_is_bounded_and_given_back() -> None:
    bodies = Bodies(held=256_000_000)
    with pytest.raises(BodyRefused) as caught:
        _read([{"type": "http.request", "body": b"{}"}], bodies)
    assert caught.value.answer.status == 503
    bodies = Bodies()
    assert _read([{"type": "http.request", "body": b"{}"}], bodies) == b"{}"
    assert bodies.held == 0
