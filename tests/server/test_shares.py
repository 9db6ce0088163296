"""However many costly requests one person or token sends, or answers it does not read, others are answered."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest
from django.conf import settings

from trustyard.actions import requests
from trustyard.server.answers import Scope
from trustyard.server.bridge import SPARE, THREADS, Bridge
from trustyard.server.unread import HELD_EACH

SHARE = THREADS - SPARE
LARGE = bytes(16_000_000)
Ask = Callable[..., Awaitable[int]]


class Whole(list[bytes]):
    """A body of Django's that is no stream."""

    streaming = False


class Costly:
    """Answers all: `/slow` not before it is told to, `/large` with much. Whose token or session it is begins it."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.read = asyncio.Event()
        self.inside = 0

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        token = environ.get("HTTP_AUTHORIZATION", "") if environ["PATH_INFO"].startswith("/api/v1/") else ""
        session = environ.get("HTTP_COOKIE", "").partition(f"{settings.SESSION_COOKIE_NAME}=")[2]
        if name := (token.partition(" ")[2] or session).strip().partition("-")[0]:
            requests.asked_by(name)
        if environ["PATH_INFO"].endswith("/slow"):
            self.inside += 1
            assert self.over.wait(30)
        start("200 OK", [])
        return Whole([LARGE if environ["PATH_INFO"].endswith("/large") else b""])


def token(secret: str, spelt: str = "Bearer ") -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"{spelt}{secret}".encode())]


def session(key: str, *more: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    return [(b"cookie", f"theme=dark; {settings.SESSION_COOKIE_NAME}={key}".encode()), *more]


def run(story: Callable[[Costly, Ask], Awaitable[None]]) -> None:
    """The story of requests to a bridge; each that is asked is answered with a status."""

    async def whole() -> None:
        app = Costly()
        bridge = Bridge(app, lambda scope: asyncio.sleep(0, ""))

        async def receive() -> dict[str, Any]:
            return {"type": "http.request"}

        async def ask(path: str, headers: list[tuple[bytes, bytes]], address: str = "192.0.2.1") -> int:
            requests.begin("of a test")
            sent: list[Any] = []
            scope: Scope = {
                "type": "http",
                "method": "GET",
                "path": path,
                "raw_path": path.encode(),
                "headers": headers,
            }
            scope |= {
                "client": (address, 1),
                "query_string": b"",
                "scheme": "http",
                "server": None,
                "http_version": "1.1",
            }

            async def send(message: Any) -> None:
                if message.get("more_body"):
                    await app.read.wait()  # as with a connection that takes no more
                sent.append(message)

            await bridge(scope, receive, send)
            assert b"".join(message.get("body", b"") for message in sent) in (b"", LARGE) or sent[0]["status"] == 503
            return int(sent[0]["status"])

        try:
            async with asyncio.timeout(20):
                await story(app, lambda *given: asyncio.create_task(ask(*given)))
        finally:
            app.over.set()
            bridge.close()

    asyncio.run(whole())


async def until(app: Costly, inside: int) -> None:
    while app.inside < inside:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert app.inside == inside


@pytest.mark.parametrize(
    ("path", "one"),
    [
        ("/api/v1/slow", [token("mallory-1")]),
        ("/api/v1/slow", [token("mallory-1"), token("mallory-2", "bearer  ")]),
        ("/slow", [session("mallory-1"), session("mallory-2"), session("mallory-3")]),
        ("/slow", [session("mallory-1", *token(f"made-up-{at}")) for at in range(2 * THREADS)]),
    ],
    ids=["token", "two tokens", "sessions", "a session with another header each time"],
)
def test_who_sends_many_costly_requests_leaves_threads_to_others(path: str, one: list[Any]) -> None:
    async def story(app: Costly, ask: Ask) -> None:
        if len(one) > 1:
            for shown in one:
                await ask(path.replace("slow", "quick"), shown)
        asked = [ask(path, one[at % len(one)], f"192.0.2.{at}") for at in range(2 * THREADS)]
        await until(app, SHARE)
        assert await ask("/api/v1/quick", token("other")) == 200, "somebody who is new here"
        assert await ask("/api/v1/quick", token("other")) == 200, "and known by now"
        assert await ask("/quick", [], "192.0.2.200") == 200, "a stranger"
        app.over.set()
        assert await asyncio.gather(*asked) == [200] * 2 * THREADS, "all are answered in the end"

    run(story)


def test_two_who_send_many_costly_requests_leave_a_third_a_thread() -> None:
    async def story(app: Costly, ask: Ask) -> None:
        await ask("/api/v1/quick", token("mallory"))
        asked = [ask("/api/v1/slow", token("mallory")) for _ in range(2 * THREADS)]
        await until(app, SHARE)
        # Nobody knows these yet: they count by their address, which is of one network.
        asked += [ask("/slow", session(f"{at}"), f"2001:db8::{at}") for at in range(2 * THREADS)]
        await until(app, SHARE + 1)
        assert await ask("/api/v1/quick", token("other")) == 200
        app.over.set()
        assert set(await asyncio.gather(*asked)) == {200}

    run(story)


def test_whose_turn_never_came_since_the_server_ends_takes_nobody_elses() -> None:
    async def story(app: Costly, ask: Ask) -> None:
        await ask("/api/v1/quick", token("mallory"))
        asked: list[Any] = [ask("/api/v1/slow", token("mallory")) for _ in range(2 * THREADS)]
        await until(app, SHARE)
        for one in asked[SHARE:]:
            one.cancel()
        app.over.set()
        assert await asyncio.gather(*asked[:SHARE]) == [200] * SHARE
        assert (
            await asyncio.gather(*(ask("/api/v1/quick", token("mallory")) for _ in range(THREADS))) == [200] * THREADS
        )

    run(story)


def test_who_reads_no_answer_gets_no_more_of_them_and_others_do() -> None:
    async def story(app: Costly, ask: Ask) -> None:
        await ask("/api/v1/quick", token("mallory"))
        asked: list[Any] = [ask("/api/v1/large", token("mallory")) for _ in range(40)]
        while not any(one.done() for one in asked):
            await asyncio.sleep(0.01)
        assert await ask("/api/v1/quick", token("mallory")) == 503
        assert await ask("/api/v1/quick", token("other")) == 200
        app.read.set()
        said = Counter(await asyncio.gather(*asked))
        assert set(said) == {200, 503}
        assert said[200] * len(LARGE) < HELD_EACH + (THREADS + 1) * len(LARGE)
        assert await ask("/api/v1/large", token("mallory")) == 200, "and then there is room again"

    run(story)
