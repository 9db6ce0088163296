"""The documents that anybody may fetch: each environment's JWK Set in force, from memory."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import unquote

import structlog

from trustyard.pki.names import normal

from .answers import Answer, Scope, Send, get_only, header, problem

log = structlog.get_logger(__name__)
FRESH_SECONDS = 2.0  # after so long the database is asked again: another machine may have made the release
PATIENCE_SECONDS = 3.0  # with a database that does not answer; what is in memory stays in force as it does at gateways
KEPT = 1000
AGAIN = {"Retry-After": "2"}
HEADERS = {"Content-Type": "application/jwk-set+json", "Cache-Control": "public, max-age=300"}


@dataclass(frozen=True)
class Document:
    """Bytes with their ETag, when they were read (monotonic seconds), and how many news had been heard by then."""

    body: bytes
    etag: str
    read_at: float
    news: int


class Published:
    """`/published/{environment}/jwks.json`. `read` answers the bytes of an environment, None for an unknown one."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self._read = read
        self._documents: dict[str, Document] = {}
        self._reading: dict[str, asyncio.Future[Document | None]] = {}
        self._news = 0
        self._threads = ThreadPoolExecutor(2, "published")

    def heard(self, environment: str) -> None:
        """News, in any thread: what is in memory is asked for again, and given while the database does not answer."""
        del environment  # names may differ in case; reading all again costs one query each
        self._news += 1

    async def __call__(self, scope: Scope, send: Send) -> None:
        """Answers one request."""
        answer = get_only(scope) or await self._answer(scope)
        await answer.send(scope, send)

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _answer(self, scope: Scope) -> Answer:
        environment = environment_of(scope["raw_path"])
        try:
            document = await self._document(environment) if environment else None
        except Exception as error:  # noqa: BLE001 - the database, most likely
            log.warning("published.not_read", environment=environment, error=type(error).__name__)
            return problem(503, "database-unavailable", "Not available", "The database does not answer.", AGAIN)
        if document is None:
            return problem(404, "not-found", "Not found", f"There is no environment named {environment or ''}.")
        headers = {**HEADERS, "ETag": document.etag}
        if matches(header(scope, b"if-none-match"), document.etag):
            return Answer(304, b"", headers)
        return Answer(200, document.body, headers)

    async def _document(self, environment: str) -> Document | None:
        document = self._documents.get(environment)
        if document and document.news == self._news and time.monotonic() - document.read_at < FRESH_SECONDS:
            return document
        # However many ask at once, the database is asked once. One who comes after news waits for a newer answer.
        reading = self._reading.get(environment)
        if reading is None:
            reading = asyncio.ensure_future(self._read_anew(environment))
            self._reading[environment] = reading
            reading.add_done_callback(lambda done: self._was_read(environment, done))
        try:
            return await asyncio.wait_for(asyncio.shield(reading), PATIENCE_SECONDS)
        except Exception:
            if document is None:
                raise
            return document  # as gateways go on with what they have

    def _was_read(self, environment: str, done: asyncio.Future[Document | None]) -> None:
        self._reading.pop(environment, None)
        if not done.cancelled() and done.exception():
            log.info("published.database_away", environment=environment)

    async def _read_anew(self, environment: str) -> Document | None:
        while True:
            news, started = self._news, time.monotonic()
            body = await asyncio.get_running_loop().run_in_executor(self._threads, self._read, environment)
            if news == self._news:
                break
        if body is None:
            self._documents.pop(environment, None)
            return None
        document = Document(body, f'"{hashlib.sha256(body).hexdigest()}"', started, news)
        if len(self._documents) >= KEPT:
            self._documents = {}
        self._documents[environment] = document
        return document


def environment_of(raw_path: bytes) -> str | None:
    """The name in `/published/{environment}/jwks.json`, decoded; None for any other path."""
    parts = raw_path.split(b"/")
    if len(parts) != 4 or parts[:2] != [b"", b"published"] or parts[3] != b"jwks.json":
        return None
    try:
        name = unquote(parts[2].decode("ascii"), errors="strict")
    except UnicodeDecodeError:
        return None
    return None if "\0" in name else normal(name)


def matches(if_none_match: str, etag: str) -> bool:
    """RFC 9110, section 13.1.2: weak comparison with each of the list."""
    named = [word.strip().removeprefix("W/") for word in if_none_match.split(",")]
    return "*" in named or etag in named
