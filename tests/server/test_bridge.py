"""Which requests wait in threads of their own, so that they stop nobody else."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from trustyard.actions import requests
from trustyard.actions.actors import Actor
from trustyard.actions.outward import EACH, PLACES, SHARED, place
from trustyard.errors import Unavailable
from trustyard.server.answers import header
from trustyard.server.bridge import ESCAPES, FETCHING_THREADS, LARGE_THREADS, THREADS, Bridge, fetches
from trustyard.server.checking.database import BESIDES, CONNECTIONS
from trustyard.server.threads import LARGE, Threads

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("method", "path", "body", "waits"),
    [
        ("GET", b"/api/v1/certificates/acme/entries/test/lint", b"", True),
        ("GET", b"/certificates/7/in/1/lint/", b"", True),
        ("HEAD", b"/certificates/7/in/1/lint/", b"", True),
        ("GET", b"/api/v1/certificates/lint-acme", b"", False),
        ("GET", b"/sign-in/provider/", b"", True),
        ("GET", b"/sign-in/%70rovider/callback/", b"", True),
        ("GET", b"/sign-in/", b"", False),
        ("POST", b"/api/v1/certificates/inspect", b'{"kind": "connection", "url": "https://x"}', True),
        ("POST", b"/api/v1/certificates/inspect", rb'{"kind": "connectio\u006e", "url": "https://x"}', True),
        ("POST", b"/api/v1/certificates/inspect", rb'{"kind": "\u0063onnecti\u006Fn", "url": "https://x"}', True),
        ("POST", b"/%61pi/v1/certificates/inspect", b'{"kind": "connection", "url": "https://x"}', True),
        ("POST", b"/trust%2Dcheck/", b"", True),
        ("POST", b"/certificates/drafts/1/window/look/connection/", b"", True),
        ("POST", b"/api/v1/certificates/compare", b'{"left": {}, "right": {"live": true}}', True),
        ("POST", b"/api/v1/certificates/compare", b'{"left": {}, "right": {"certificate": "a"}}', False),
        ("POST", b"/certificates/compare/now/", b"side=live", True),
        ("GET", b"/certificates/compare/", b"", False),
        ("GET", b"/api/v1/certificates/a/entries/test/chain", b"", False),
        ("POST", b"/api/v1/certificates", b"{}", False),
        ("POST", b"/trust-check/", b"", True),
        ("POST", b"/trust-check", b"", True),
        ("POST", b"/jwks/new/", b'description=the "connection"', False),
        ("GET", b"/trust-check/", b"", False),
        ("POST", b"/api/v1/environments/test/trust-check", b'{"source": {"kind": "connection"}}', True),
        ("POST", b"/api/v1/environments/test/trust-check", b'{"source": {"kind": "paste"}}', False),
    ],
)
def test_what_waits_for_a_foreign_server_or_a_worker_has_threads_of_its_own(
    method: str, path: bytes, body: bytes, waits: bool
) -> None:
    assert fetches({"method": method, "raw_path": path}, body) is waits


def test_few_of_the_threads_that_answer_everybody_wait_for_foreign_servers() -> None:
    """Whatever a request looks like from outside."""
    inside, over = threading.Semaphore(0), threading.Event()

    def connect(*, hurried: bool) -> str:
        request = requests.begin(f"{threading.get_ident()}")
        if hurried:
            requests.hurry()
        try:
            with place(Actor(f"operator {request.id}", "operator")):
                inside.release()
                over.wait(10)
        except Unavailable as error:
            return error.code
        return ""

    with ThreadPoolExecutor(2 * THREADS) as threads:
        waiting = [threads.submit(connect, hurried=True) for _ in range(PLACES)]
        assert all(inside.acquire(timeout=10) for _ in range(PLACES))
        refused = [threads.submit(connect, hurried=True) for _ in range(THREADS - PLACES)]
        assert {one.result(10) for one in refused} == {"busy"}
        others = [threads.submit(connect, hurried=False) for _ in range(THREADS)]
        assert all(inside.acquire(timeout=10) for _ in range(THREADS)), "other threads may wait"
        over.set()
        assert {one.result(10) for one in (*waiting, *others)} == {""}
        assert threads.submit(connect, hurried=True).result(10) == "", "and the place is free again"


def test_no_actor_takes_more_than_half_of_the_threads_that_connect_and_no_two_take_the_last_quarter() -> None:
    assert (EACH, SHARED) == (FETCHING_THREADS // 2, FETCHING_THREADS * 3 // 4)


def test_however_many_passwords_strangers_have_tried_others_are_answered() -> None:
    over = threading.Event()

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            assert over.wait(30)  # for a turn to hash one
        start("200 OK", [])
        return [b""]

    async def story() -> None:
        bridge = Bridge(app, lambda scope: asyncio.sleep(0, ""))

        async def ask(verb: str, path: str, address: str) -> int:
            requests.begin(address)
            said: list[int] = []

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": b""}

            async def send(message: Any) -> None:
                said.append(message.get("status", 0))

            await bridge(scope_of(verb, path, address), receive, send)
            return said[0]

        strangers = [asyncio.ensure_future(ask("POST", "/sign-in/", f"192.0.2.{n}")) for n in range(50)]
        await asyncio.sleep(0.1)
        assert await asyncio.wait_for(ask("GET", "/certificates/", "198.51.100.1"), 10) == 200
        over.set()
        assert await asyncio.gather(*strangers) == [200] * 50
        bridge.close()

    asyncio.run(story())


def scope_of(verb: str, path: str, address: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {
        "type": "http", "method": verb, "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "http_version": "1.1", "client": (address, 1), "server": ("localhost", 80), "headers": list(headers),
    }  # fmt: skip


class Inside:
    """An application that counts how many requests it works on at once."""

    def __init__(self) -> None:
        self.counting, self.now, self.most, self.asked = threading.Lock(), 0, 0, 0

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        requests.asked_by(environ["HTTP_AUTHORIZATION"].removeprefix("Bearer "))
        with self.counting:
            self.now, self.asked = self.now + 1, self.asked + 1
            self.most = max(self.most, self.now)
        assert len(environ["wsgi.input"].read()) == int(environ["CONTENT_LENGTH"])
        threading.Event().wait(0.05)
        with self.counting:
            self.now -= 1
        start("200 OK", [])
        return [b""]


def asked(
    app: Callable[..., Iterable[bytes]], bodies: list[bytes], senders: list[str], kind: str = "text/plain"
) -> list[int]:
    """The statuses of a request with each of these bodies, sent at once by these people in turn."""

    async def who(scope: Any) -> str:
        return header(scope, b"authorization").removeprefix("Bearer ")

    async def whole() -> list[int]:
        bridge, said = Bridge(app, who), dict[int, int]()

        async def ask(number: int, body: bytes) -> None:
            requests.begin(f"{number}")
            sender = senders[number % len(senders)]
            given = (b"authorization", f"Bearer {sender}".encode()), (b"content-type", kind.encode())
            scope = scope_of("POST", "/api/v1/x", "192.0.2.1", *given)

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": body}

            async def send(message: Any) -> None:
                said.setdefault(number, message.get("status", 0))

            await bridge(scope, receive, send)

        await ask(-1, b"")  # so that the sender of a token is known
        await asyncio.gather(*(ask(number, body) for number, body in enumerate(bodies)))
        bridge.close()
        return [said[number] for number in range(len(bodies))]

    return asyncio.run(whole())


@pytest.mark.parametrize("word", [b"", b'"connection"'], ids=["", "one that seems to connect"])
@pytest.mark.parametrize(("senders", "most"), [(["ada"], 1), (["ada", "ben", "cleo"], LARGE_THREADS)])
def test_few_large_bodies_are_read_at_once_and_one_of_each_sender(senders: list[str], most: int, word: bytes) -> None:
    """What is read of one takes many times its bytes."""
    app = Inside()
    assert asked(app, [word + bytes(LARGE + 1)] * 9, senders) == [200] * 9
    assert app.most == most


def test_a_form_of_escapes_alone_is_refused_before_it_is_read() -> None:
    """Each takes a hundred bytes, and there may be millions: any viewer's session could end the server."""
    app, form = Inside(), "application/x-www-form-urlencoded; charset=utf-8"
    assert asked(app, [b"current=" + b"%41" * (ESCAPES + 1)], ["ada"], form) == [413]
    assert app.asked == 1
    assert asked(app, [b"current=" + b"%41" * ESCAPES], ["ada"], form) == [200]
    assert asked(app, [b"%41" * (ESCAPES + 1)], ["ada"]) == [200], "text that is no form"


class Refusal(Exception):
    """One that can be watched."""


def test_what_a_large_body_that_was_refused_left_behind_is_gone_before_the_next_one_is_read() -> None:
    """An error holds itself by the frames it went through, and in them what was read; the collector comes late."""
    inside, left = Inside(), list[weakref.ref[Refusal]]()

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        assert [one for one in left if one() is not None] == []
        if int(environ["CONTENT_LENGTH"]) > LARGE:
            error = Refusal()
            error.args = (error,)
            left.append(weakref.ref(error))
        return inside(environ, start)

    gc.disable()
    try:
        assert asked(app, [bytes(LARGE + 1)] * 3, ["ada"]) == [200] * 3
    finally:
        gc.enable()
    assert len(left) == 3


def test_check_and_the_manual_count_a_connection_for_each_thread_of_requests() -> None:
    async def threads() -> int:
        bridge = Bridge(Inside(), lambda scope: asyncio.sleep(0, ""))
        return sum(pool.executor._max_workers for pool in vars(bridge).values() if isinstance(pool, Threads))

    of_requests = asyncio.run(threads())
    assert of_requests + BESIDES == CONNECTIONS
    saves = (DOCS / "saves.md").read_text()
    assert f"One node has at most {CONNECTIONS}: {of_requests} for requests" in saves
    assert f"`max_connections` for {CONNECTIONS} times" in saves
    assert f"at most {CONNECTIONS} connections to PostgreSQL" in (DOCS / "nodes.md").read_text()
