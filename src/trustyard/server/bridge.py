"""Django behind the router: WSGI in bounded pools of threads, with a body that is complete."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_from_bytes

from .answers import Receive, Scope, Send
from .bodies import MEGABYTE, Bodies, BodyRefused
from .threads import Threads

THREADS = 8
FETCHING_THREADS = 16
# Addresses of the console that open a connection to a foreign server; over REST the body says so.
FETCHING_PATH = re.compile(rb"/(?:window/look/connection|certificates/compare/now)/?$|^/trust-check/?$")
FETCHING_WORDS = (b'"connection"', b'"live"')
LINTING_PATH = re.compile(rb"/lint/?$")  # waits for a worker process, for seconds
# Imports may bring more and take longer. What they hold is counted apart, and so are their threads: the others have
# theirs whatever is being imported.
IMPORT = b"/api/v1/certificates/import"
IMPORT_LIMIT = 64 * MEGABYTE
IMPORTS_HELD = 2 * IMPORT_LIMIT
IMPORT_SECONDS = 300.0
IMPORTING_THREADS = 2
NOT_URL = bytes(set(range(0x21, 0x7F)))


class Bridge:
    """Slow foreign servers have threads of their own, so that waiting for them stops nobody else."""

    def __init__(self, django: Callable[..., Any]) -> None:
        self._bodies = Bodies()
        self._imports = Bodies(0, IMPORT_SECONDS, IMPORT_LIMIT, IMPORT_LIMIT, IMPORTS_HELD)
        self._usual = Threads(django, THREADS)
        self._fetching = Threads(django, FETCHING_THREADS)
        self._importing = Threads(django, IMPORTING_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request with what Django says, or with why its body was not taken."""
        importing = scope["method"] == "POST" and scope["raw_path"] == IMPORT
        bodies = self._imports if importing else self._bodies
        with bodies.holding() as buffer:
            try:
                await bodies.read(scope, receive, buffer)
            except BodyRefused as refused:
                await refused.answer.send(scope, send)
                return
            pool = self._importing if importing else self._fetching if fetches(scope, buffer) else self._usual
            await pool(for_django(scope, len(buffer)), bytes(buffer), send)

    def close(self) -> None:
        """Lets requests under way end."""
        for pool in (self._usual, self._fetching, self._importing):
            pool.executor.shutdown(wait=True, cancel_futures=True)


def fetches(scope: Scope, body: bytes | bytearray) -> bool:
    """Whether the request may wait for a foreign server or a worker. A guess: it only chooses the pool."""
    path = scope["raw_path"]
    if scope["method"] in ("GET", "HEAD"):
        return bool(LINTING_PATH.search(path))
    return bool(FETCHING_PATH.search(path)) or (
        path.startswith(b"/api/") and any(word in body for word in FETCHING_WORDS)
    )


def for_django(scope: Scope, length: int) -> Scope:
    """The request as WSGI has it.

    Under /api/ the path stays as it was sent, percent-encoded: names of any character, `/` too, are one segment there,
    and the API decodes each by itself. The console's addresses hold no names.
    """
    headers = [(k, v) for k, v in scope["headers"] if k not in (b"transfer-encoding", b"content-length", b"expect")]
    headers.append((b"content-length", str(length).encode()))
    raw = quote_from_bytes(scope["raw_path"], safe=NOT_URL)
    return {
        **scope,
        "headers": headers,
        "path": raw if raw.startswith("/api/") else scope["path"],
        "query_string": quote_from_bytes(scope["query_string"], safe=NOT_URL).encode(),
    }
