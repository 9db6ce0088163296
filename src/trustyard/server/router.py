"""The outermost ASGI app: published documents, agents, health and metrics on the loop, everything else to Django."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from trustyard.actions import requests

from . import published
from .answers import CLOSE, Answer, App, Message, Receive, Scope, Send, client, get_only, problem
from .health import Health
from .metrics import Metrics
from .proxies import Proxies
from .published import Published

log = structlog.get_logger(__name__)
PARTS = ("django", "published", "agents", "healthz", "readyz", "metrics")
LOGGED = {"off": (), "on": ("django",), "all": PARTS}  # by TRUSTYARD_ACCESS_LOG
PUBLISHED = b"/published/"
REQUEST_ID = b"x-request-id"


@dataclass
class Router:
    """Dispatches requests by their path; `django` is the bridge, with the waiting around it."""

    proxies: Proxies
    published: Published
    health: Health
    metrics: Metrics
    agents: App
    django: App
    logged: Sequence[str] = LOGGED["on"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, gives it an id, and counts it."""
        if scope["type"] != "http":
            return  # neither lifespan nor websockets are switched on
        request_id = self.proxies.request_id(scope)
        held = self.published.at_hand(scope) if scope["raw_path"].startswith(PUBLISHED) else None
        if held and "published" not in self.logged:
            # From memory: asked for most, and without what only the other answers need.
            started = time.monotonic()
            status = await published.answer(held, scope, send, (REQUEST_ID, request_id.encode()))
            self.metrics.answered("published", "GET", status, time.monotonic() - started)
            return
        request = requests.begin(request_id)
        scope = self.proxies.seen_through(scope)
        watched = _Watched(send, request.id)
        part = part_of(scope["raw_path"])
        started = time.monotonic()
        try:
            await self._dispatch(part, scope, receive, watched)
        except asyncio.CancelledError:  # the server stops, and this took longer than its grace
            await watched.refuse(scope, problem(503, "stopping", "Stopping", "Trustyard is stopping.", CLOSE))
        except Exception:
            log.exception("http.unforeseen", method=scope["method"])
            detail = f"Trustyard failed; its log says more under {watched.id}."
            await watched.refuse(scope, problem(500, "unforeseen", "Unforeseen", detail))
        seconds = time.monotonic() - started
        self.metrics.answered(part, scope["method"], watched.status, seconds)
        if part in self.logged:
            # Without the query, which may hold a password, and without what the body held.
            log.info(
                "http.request",
                method=scope["method"],
                path=scope["raw_path"].decode("latin1"),
                status=watched.status,
                milliseconds=round(seconds * 1000, 1),
                actor=request.actor,
                address=client(scope),
            )

    async def _dispatch(self, part: str, scope: Scope, receive: Receive, send: Send) -> None:
        if part == "django":
            await self.django(scope, receive, send)
        elif part == "published":
            await self.published(scope, send)
        elif part == "agents":
            await self.agents(scope, receive, send)
        else:
            await (get_only(scope) or await self._own(part)).send(scope, send)

    async def _own(self, part: str) -> Answer:
        if part == "healthz":
            return self.health.alive()
        return await (self.health.ready() if part == "readyz" else self.metrics.answer())


def part_of(raw_path: bytes) -> str:
    """Which part of the router answers a path."""
    if raw_path.startswith(PUBLISHED):
        return "published"
    if raw_path.startswith(b"/agents/"):
        return "agents"
    return {b"/healthz": "healthz", b"/readyz": "readyz", b"/metrics": "metrics"}.get(raw_path, "django")


class _Watched:
    """A `send` that adds the request's id and remembers the status."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.id = request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], (REQUEST_ID, self.id.encode())]}
        await self._send(message)

    async def refuse(self, scope: Scope, answer: Answer) -> None:
        """Answers, unless an answer has begun already."""
        if not self.status:
            await answer.send(scope, self)
