"""What the router answers for a part that fails, or is still at work when the server ends."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from trustyard.server.answers import App, Receive, Scope, Send
from trustyard.server.proxies import Proxies
from trustyard.server.router import Router

SCOPE = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "headers": [], "client": ("127.0.0.1", 1)}
PROXY = [(b"x-request-id", b"of-a-proxy")]
FAILED = (500, "/problems/unforeseen", "Trustyard failed; its log says more under of-a-proxy.")
BEGUN = {"type": "http.response.start", "status": 200, "headers": []}


async def _fails(scope: Scope, receive: Receive, send: Send) -> None:
    raise LookupError


async def _fails_late(scope: Scope, receive: Receive, send: Send) -> None:
    await send(BEGUN)
    raise LookupError


async def _is_cancelled(scope: Scope, receive: Receive, send: Send) -> None:
    raise asyncio.CancelledError


def asked(part: App, **of_scope: Any) -> tuple[list[Any], list[Any]]:
    """The messages of an answer, and what the metrics are told of it."""
    sent: list[Any] = []
    told: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    metrics: Any = SimpleNamespace(answered=lambda part, method, status, seconds: told.append((part, method, status)))
    other: Any = SimpleNamespace()
    router = Router(Proxies((ipaddress.ip_network("127.0.0.0/8"),)), other, other, metrics, part, part)
    asyncio.run(router({**SCOPE, **of_scope}, other, send))
    return sent, told


@pytest.mark.parametrize(
    ("part", "path", "said"),
    [
        (_fails, b"/", FAILED),
        (
            _fails,
            b"/agents/pull",
            (500, "/problems/unforeseen", "Trustyard failed; its log says more under of-a-proxy."),
        ),
        (_is_cancelled, b"/", (503, "/problems/stopping", "Trustyard is stopping.")),
    ],
)
def test_a_part_that_fails_is_a_problem_that_can_be_found_in_the_log(
    part: App, path: bytes, said: tuple[int, str, str]
) -> None:
    with capture_logs() as lines:
        (start, body), told = asked(part, raw_path=path, headers=PROXY)
    problem = json.loads(body["body"])
    assert (start["status"], problem["type"], problem["detail"]) == said
    assert problem["request_id"] == "of-a-proxy"
    assert (b"x-request-id", b"of-a-proxy") in start["headers"]
    assert told == [("agents" if path.startswith(b"/agents/") else "django", "GET", said[0])]
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["http.unforeseen"] * (said[0] == 500)


def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    sent, told = asked(_fails_late, headers=PROXY)
    assert sent == [{**BEGUN, "headers": [(b"x-request-id", b"of-a-proxy")]}]
    assert told == [("django", "GET", 200)]


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_what_is_no_http_is_not_answered(kind: str) -> None:
    assert asked(_fails, type=kind) == ([], [])
