"""Answers that the router gives itself: plain ones, and problems as RFC 9457 has them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from trustyard.actions import requests

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
CLOSE = {"Connection": "close"}


@dataclass(frozen=True)
class Answer:
    """A whole answer: status, body and headers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    async def send(self, scope: Scope, send: Send) -> None:
        """Sends it; to HEAD without the body, but with its length."""
        # 304 has no body, and its length would be taken for that of the document.
        length = {} if self.status == 304 else {"Content-Length": str(len(self.body))}
        headers = {"X-Content-Type-Options": "nosniff", **self.headers, **length}
        await send({"type": "http.response.start", "status": self.status, "headers": encoded(headers)})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self.body})


def encoded(headers: Mapping[str, str]) -> Headers:
    """Headers as ASGI has them."""
    return [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in headers.items()]


def json_answer(value: Any) -> Answer:
    """200 with something short for a program."""
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Answer(200, json.dumps(value).encode(), headers)


def problem(status: int, code: str, title: str, detail: str, headers: Mapping[str, str] | None = None) -> Answer:
    """RFC 9457, with the types of the REST API."""
    body: dict[str, Any] = {"type": f"/problems/{code}", "title": title, "status": status, "detail": detail}
    if request_id := requests.current_id():
        body["request_id"] = request_id
    plain = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    return Answer(status, json.dumps(body).encode(), {**plain, **(headers or {})})


def header(scope: Scope, name: bytes) -> str:
    """The value of a request's header, several joined by a comma; empty where there is none."""
    return ", ".join(value.decode("latin1") for key, value in scope["headers"] if key == name)


def client(scope: Scope) -> str:
    """Where a request comes from; empty where that is not known."""
    return str(scope["client"][0]) if scope.get("client") else ""


def get_only(scope: Scope) -> Answer | None:
    """The refusal of any verb but GET and HEAD."""
    if scope["method"] in ("GET", "HEAD"):
        return None
    return problem(
        405, "method-not-allowed", "Method not allowed", "Only GET and HEAD are answered here.", {"Allow": "GET, HEAD"}
    )
