"""Django behind the router: WSGI in bounded pools of threads, with a body that is complete."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from trustyard.actions import requests

from .answers import Message, Receive, Scope, Send, header, problem
from .bodies import MEGABYTE, Bodies, BodyRefused, Store, Who, strangers
from .passwords import AT_ONCE
from .shares import Senders
from .threads import LARGE, Threads
from .unread import Unread

THREADS = 8
SPARE = 2  # of them: no person or token takes the last ones that are free, however much it asks for
FETCHING_THREADS = 16
LARGE_THREADS = 2  # for large bodies, so few of which are read at once
SIGN_IN = "/sign-in/"  # where strangers have passwords tried: who has signed in waits behind none of them
ESCAPES = 1_000_000  # of a form: a pasted text of 10 MB has 600,000, and each takes a hundred bytes
# Addresses of the console that open a connection to a foreign server; over REST the body says so.
FETCHING_PATH = re.compile(rb"/(?:window/look/connection|certificates/compare/now)/?$|^/trust-check/?$")
FETCHING_WORDS = (b'"connection"', b'"live"')
WAITING_PATH = re.compile(rb"/lint/?$|^/sign-in/provider/")  # waits for a worker process, or for the provider
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

    def __init__(self, django: Callable[..., Any], who: Who) -> None:
        unasked = strangers()
        self._bodies = Bodies(who, unasked)
        imports = Store(IMPORTS_HELD, IMPORT_LIMIT)  # so that one sender of imports leaves room for another
        self._imports = Bodies(who, unasked, imports, IMPORT_SECONDS, IMPORT_LIMIT, IMPORT_LIMIT)
        self._senders = Senders()
        unread = Unread()
        self._usual = Threads(django, THREADS, unread, SPARE)
        self._fetching = Threads(django, FETCHING_THREADS, unread)
        self._importing = Threads(django, IMPORTING_THREADS, unread)
        self._large = Threads(django, LARGE_THREADS, unread, LARGE_THREADS - 1)
        self._signing_in = Threads(django, AT_ONCE, unread, AT_ONCE - 1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request with what Django says, or with why its body was not taken."""
        importing = scope["method"] == "POST" and scope["raw_path"] == IMPORT
        bodies = self._imports if importing else self._bodies
        with bodies.holding(scope) as body:
            try:
                await bodies.read(scope, receive, body)
            except BodyRefused as refused:
                await refused.answer.send(scope, send)
                return
            sender = self._senders.of(scope)
            if body.dropped:
                await self._usual(for_django(scope, 0), b"", _closing(send), sender)
                return
            if _escapes_too_much(scope, body.data):
                detail = f"A form has at most {ESCAPES:,} characters that are written as %XX."
                await problem(413, "too-large", "Too large", detail).send(scope, send)
                return
            pool = self._importing if importing else self._pool(scope, body.data)
            if pool not in (self._importing, self._fetching):
                requests.hurry()
            await pool(for_django(scope, len(body.data)), body.data, send, sender)
            self._senders.learn(scope)

    def _pool(self, scope: Scope, body: bytes | bytearray) -> Threads:
        if scope["method"] == "POST" and scope["path"] == SIGN_IN:
            return self._signing_in
        if len(body) > LARGE:
            return self._large  # whatever words stand in it: anybody may write them
        return self._fetching if fetches(scope, body) else self._usual

    def close(self) -> None:
        """Waits for running requests to end."""
        for pool in (self._usual, self._fetching, self._importing, self._large, self._signing_in):
            pool.executor.shutdown(wait=True, cancel_futures=True)


def _closing(send: Send) -> Send:
    """The connection ends with the answer: not all that was sent on it may have been read."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await send(message)

    return sent


def _escaped(word: bytes) -> re.Pattern[bytes]:
    """A JSON string, each of its letters as itself or escaped."""
    letters = "".join(rf"(?:{letter}|\\u00(?i:{ord(letter):02x}))" for letter in word.decode().strip('"'))
    return re.compile(f'"{letters}"'.encode())


ESCAPED = [_escaped(word) for word in FETCHING_WORDS]


def fetches(scope: Scope, body: bytes | bytearray) -> bool:
    """Whether the request may wait for a foreign server or a worker.

    A guess: it only chooses the pool. What it takes for another finds few places outward (`actions/outward.py`).
    """
    path = unquote_to_bytes(scope["raw_path"])
    if scope["method"] in ("GET", "HEAD"):
        return bool(WAITING_PATH.search(path))
    return bool(FETCHING_PATH.search(path)) or (path.startswith(b"/api/") and _names_a_connection(body))


def _escapes_too_much(scope: Scope, body: bytes | bytearray) -> bool:
    return "urlencoded" in header(scope, b"content-type").lower() and body.count(b"%") > ESCAPES


def _names_a_connection(body: bytes | bytearray) -> bool:
    if any(word in body for word in FETCHING_WORDS):
        return True
    # Looked for only where there may be one: it takes tens of milliseconds of the event loop for the largest bodies.
    return b"\\u00" in body and any(word.search(body) for word in ESCAPED)


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
