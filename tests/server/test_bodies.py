"""Bodies over a real socket: chunked, cut off, too large, too slow, many at once."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from trustyard.server.bodies import Bodies, BodyRefused, Store

from .serving import Serving, eventually, sign_in, token_for

INSPECT = "/api/v1/certificates/inspect"


def _head(server: Serving, *lines: str) -> bytes:
    fixed = [f"POST {INSPECT} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {server.token}"]
    return "\r\n".join([*fixed, "Content-Type: application/json", *lines, "", ""]).encode()


def _said(connection: socket.socket) -> bytes:
    """All that comes until the other side ends it."""
    said = b""
    while piece := connection.recv(65_536):
        said += piece
    return said


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
    with server.connection() as sent:
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
    with server.connection() as sent:
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
    with server.connection() as sent:
        sent.sendall(
            _head(server, "Content-Length: 64000001", "Expect: 100-continue").replace(INSPECT.encode(), path.encode())
        )
        assert sent.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_slow_uploads_stop_nobody_else(server: Serving) -> None:
    """However many trickle in, none of them holds a thread."""
    slow = [server.connection() for _ in range(40)]
    try:
        for one in slow:
            one.sendall(_head(server, "Content-Length: 1000") + b"{")
        started = time.monotonic()
        with server.client() as client:
            assert client.get("/api/v1/environments").status_code == 200
        assert time.monotonic() - started < 9, "none of them was too slow yet"
    finally:
        for one in slow:
            one.close()


@pytest.mark.parametrize("kind", ["connection", "connectio\\u006e"])
def test_slow_foreign_servers_stop_nobody_else(server: Serving, kind: str) -> None:
    """Fetches have a pool of their own: two people make nine against a silent peer, and the list still answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        answers: list[int] = []
        silent.settimeout(30)
        body = f'{{"kind": "{kind}", "url": "{url}"}}'.encode()

        def fetch(token: str) -> None:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
            with server.client() as client:
                answers.append(client.post(INSPECT, content=body, headers=headers).status_code)

        other = token_for(server.data_dir, "operator")
        threads = [threading.Thread(target=fetch, args=[token]) for token in [server.token, *[other] * 8]]
        for thread in threads:
            thread.start()
        connected = [silent.accept()[0] for _ in range(9)]
        with server.client() as client:
            assert client.get("/api/v1/environments").status_code == 200
        assert answers == [], "nobody's patience ran out for this"
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
        with bodies.holding(scope) as body:
            await bodies.read(scope, receive, body)
            return body.data

    return asyncio.run(read())


@pytest.mark.parametrize("limits", [{"seconds": 0.05}, {"pace_seconds": 0.05}])
def test_a_body_that_does_not_come_in_time_or_too_slowly_is_refused_with_408(limits: dict[str, float]) -> None:
    with pytest.raises(BodyRefused) as caught:
        _read([{"type": "http.request", "body": b"{", "more_body": True}], Bodies(**limits))  # type: ignore[arg-type]
    assert caught.value.answer.status == 408


class Hurried(asyncio.SelectorEventLoop):
    """A loop whose clock can be put forward."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


@pytest.mark.parametrize(
    ("pieces", "size", "arrives"),
    [(6, 10_000, True), (3, 9_000, False), (9, 10_000, False)],
    ids=["fast enough", "too slow", "longer than a minute"],
)
def test_a_body_has_to_keep_its_pace_and_to_end_within_a_minute(pieces: int, size: int, arrives: bool) -> None:
    """A piece every eight seconds, where ten thousand bytes have to arrive in ten."""

    async def read() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Hurried)
        sent = 0

        async def receive() -> dict[str, Any]:
            nonlocal sent
            sent, loop.ahead = sent + 1, loop.ahead + 8
            for _ in range(3):  # so that what is due happens
                await asyncio.sleep(0)
            return {"type": "http.request", "body": b"x" * size, "more_body": sent < pieces}

        bodies = Bodies()
        with bodies.holding({"headers": []}) as body:
            await bodies.read({"headers": []}, receive, body)
            return len(body.data)

    with asyncio.Runner(loop_factory=Hurried) as runner:
        if arrives:
            assert runner.run(read()) == pieces * size
            return
        with pytest.raises(BodyRefused) as caught:
            runner.run(read())
        assert caught.value.answer.status == 408


def test_memory_for_bodies_is_bounded_and_given_back() -> None:
    bodies = Bodies(known=Store(most=1_000, each=1_000, held=1_000))
    with pytest.raises(BodyRefused) as caught:
        _read([{"type": "http.request", "body": b"{}"}], bodies)
    assert caught.value.answer.status == 503
    bodies = Bodies()
    assert _read([{"type": "http.request", "body": b"{}"}], bodies) == b"{}"
    assert (bodies.known.held, bodies.known.by) == (0, {})


def test_what_a_sender_holds_counts_until_all_of_it_is_given_back() -> None:
    store = Store(most=20, each=10)
    assert [store.take("ada", 6), store.take("ada", 4), store.take("ada", 1)] == [True, True, False]
    store.give("ada", 6)
    assert [store.take("ada", 7), store.take("ben", 10), store.take("ada", 6)] == [False, True, True]
    assert not store.take("eve", 1), "of everybody"
    for whose in ("ada", "ben"):
        store.give(whose, 10)
    assert (store.held, store.by) == (0, {})


async def _by_header(scope: Any) -> str:
    """Whoever gives a name is known by it."""
    return next((value.decode() for name, value in scope["headers"] if name == b"authorization"), "")


def test_strangers_leave_room_for_those_who_are_known_and_these_for_one_another() -> None:
    bodies = Bodies(_by_header, Store(most=10, each=10, held=10), Store(most=10, each=6))
    small = {"type": "http.request", "body": b"{    }"}
    with pytest.raises(BodyRefused) as caught:
        _read([small], bodies)
    assert caught.value.answer.status == 503
    assert _read([small], bodies, authorization="ada") == b"{    }"
    bodies.known.take("ada", 1)
    with pytest.raises(BodyRefused) as caught:
        _read([small], bodies, authorization="ada")
    assert caught.value.answer.status == 503
    assert _read([small], bodies, authorization="ben") == b"{    }"
    assert (bodies.strangers.held, bodies.known.held) == (10, 1)


def test_a_large_body_is_held_for_its_sender_and_a_stranger_s_is_dropped() -> None:
    def pieces() -> list[dict[str, Any]]:
        return [{"type": "http.request", "body": b"x" * 60_000, "more_body": more} for more in (True, False)]

    bodies = Bodies(_by_header)
    assert len(_read(pieces(), bodies, authorization="ada")) == 120_000
    sent = pieces()
    assert _read(sent, bodies) == b""
    assert sent == [], "read to its end, so that the sender reads the answer"
    assert (bodies.strangers.held, bodies.known.held, bodies.strangers.by, bodies.known.by) == (0, 0, {}, {})


@pytest.mark.parametrize("bodies", [Bodies(_by_header), Bodies(limit=100_000)], ids=["a stranger's", "too large"])
def test_a_body_that_is_too_much_with_its_last_piece_is_answered_at_once(bodies: Bodies) -> None:
    """Nothing more comes, so there is nothing to wait for."""
    sent = [{"type": "http.request", "body": b"x" * 60_000, "more_body": more} for more in (True, False)]
    began = time.monotonic()
    with suppress(BodyRefused):
        assert _read(sent, bodies) == b""
    assert time.monotonic() - began < 5


def test_a_body_that_is_too_large_is_said_to_be_also_where_the_rest_of_it_takes_its_time() -> None:
    async def receive() -> dict[str, Any]:
        sent.append(60_000)
        if len(sent) == 3:
            await asyncio.sleep(0.5)
        return {"type": "http.request", "body": b"x" * 60_000, "more_body": len(sent) < 3}

    async def read() -> None:
        bodies = Bodies(limit=100_000, pace_seconds=0.2)
        with bodies.holding({"headers": []}) as body:
            await bodies.read({"headers": []}, receive, body)

    sent: list[int] = []
    with pytest.raises(BodyRefused) as caught:
        asyncio.run(read())
    assert (caught.value.answer.status, len(sent)) == (413, 3)


def test_a_database_that_does_not_say_who_sends_a_large_body_is_told() -> None:
    async def away(scope: Any) -> str:
        raise OSError

    with pytest.raises(BodyRefused) as caught, capture_logs() as lines:
        _read([], Bodies(away), content_length="200000")
    assert [(line["event"], line["error"]) for line in lines] == [("bodies.sender_not_asked", "OSError")]
    assert (caught.value.answer.status, caught.value.answer.headers["Retry-After"]) == (503, "2")


IMPORT = "/api/v1/certificates/import"


@pytest.mark.parametrize("path", [INSPECT, IMPORT, "/sign-in/"])
@pytest.mark.parametrize("authorization", ["", "Bearer ty_nobody", "Basic eDp5"])
def test_the_large_bodies_of_strangers_are_not_held_and_stop_nobody(
    server: Serving, path: str, authorization: str
) -> None:
    head = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Length: 14000000"]
    head += [f"Authorization: {authorization}"] if authorization else []
    begun = "\r\n".join([*head, "", ""]).encode()
    # Each of them all but the last byte: more together than Trustyard holds of everybody.
    senders = [server.connection() for _ in range(20)]
    try:
        for sender in senders:
            sender.sendall(begun + b" " * 13_999_999)
        with server.client() as client:
            body = b'{"kind": "paste", "encoding": "BASE64", "content": "' + b"A" * 5_000_000 + b'"}'
            answer = client.post(INSPECT, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422, answer.text
            answer = client.post(IMPORT, json={"environments": ["nowhere"], "certificates": [{"pem": "x"}]})
            assert answer.json()["type"].endswith("/unknown-environment")
        senders[0].sendall(b" ")
        said = _said(senders[0])
    finally:
        for sender in senders:
            sender.close()
    status = said.partition(b" ")[2][:3]
    assert status == (b"403" if path == "/sign-in/" else b"401"), said
    assert b"connection: close" in said


def test_an_import_with_a_token_that_is_not_known_is_refused_before_its_body_is_sent(server: Serving) -> None:
    with server.connection() as sender:
        head = _head(server, "Content-Length: 60000000", "Expect: 100-continue")
        head = head.replace(server.token.encode(), b"ty_nobody").replace(INSPECT.encode(), IMPORT.encode())
        sender.sendall(head)
        said = _said(sender)
    assert said.startswith(b"HTTP/1.1 401 ")
    assert b"/problems/bad-token" in said


def test_a_person_who_is_signed_in_brings_a_large_file(server: Serving) -> None:
    with httpx.Client(trust_env=False, timeout=30) as browser:
        assert sign_in(browser, server.url)
        browser.base_url = httpx.URL(server.url)
        csrf = {"X-CSRFToken": browser.cookies["trustyard-csrf"]}
        answer = browser.post(INSPECT, files={"file": ("big.pem", b"0" * 5_000_000)}, headers=csrf)
        assert answer.status_code == 422, answer.text
        answer = httpx.post(
            f"{server.url}{INSPECT}",
            files={"file": ("big.pem", b"0" * 5_000_000)},
            headers={"Cookie": "trustyard-session=nobody"},
            trust_env=False,
            timeout=30,
        )
        assert answer.status_code == 401, answer.text
        proxied = {**csrf, "Authorization": "Basic YWRhOng="}  # as a browser shows it to a proxy that asks for one
        asked = {"environment": "test", "source": "file"}
        answer = browser.post(
            "/trust-check/", data=asked, files={"file": ("big.pem", b"0" * 5_000_000)}, headers=proxied
        )
        assert "Choose a source." not in answer.text, "the form and its file arrived"
        assert answer.status_code == 422, answer.text
