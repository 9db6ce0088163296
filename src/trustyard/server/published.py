"""Public documents, from memory: each environment's JWK Set, and its truststore where the environment allows it."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from urllib.parse import unquote

import structlog

from trustyard.actions.published import MEDIA_TYPES, Document, Edition
from trustyard.pki.names import fold, normal

from .answers import Headers, Scope, Send, encoded, get_only, header, problem

log = structlog.get_logger(__name__)
FRESH_SECONDS = 2.0  # then the database is asked again: another node may have made a release
PATIENCE_SECONDS = 3.0  # with a database that does not answer; what is in memory stays in force as it does at gateways
AGAIN = {"Retry-After": "2"}
KEPT_BYTES = 32_000_000  # in memory altogether; what was read longest ago goes first
CACHE = "public, max-age=300"
Read = Callable[[str, str, str], Edition | None]  # environment, name, the version that is known


@dataclass(frozen=True)
class Place:
    """A document's address: the environment as it was written, the key that it is kept under, the file's name."""

    environment: str
    key: str
    name: str


@dataclass(frozen=True)
class Held:
    """A document with the headers of both its answers, made once; of which edition, and when it was read."""

    body: bytes
    etag: str
    headers: Headers
    unchanged: Headers
    version: str
    news: int
    read_at: float  # monotonic seconds


class Published:
    """`/published/{environment}/{name}`. `read` answers the edition in force, None where nothing is published."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._held: dict[tuple[str, str], Held] = {}
        self._bytes = 0
        self._reading: dict[tuple[str, str], asyncio.Future[Held | None]] = {}
        self._news = 0
        self._threads = ThreadPoolExecutor(2, "published")

    def heard(self, environment: str) -> None:
        """News, in any thread: what is in memory is asked for again, and given while the database does not answer."""
        del environment  # names may differ in case; asking again for all costs one query each
        self._news += 1

    def at_hand(self, scope: Scope) -> Held | None:
        """The document that a plain GET can be answered with right away."""
        if scope["method"] != "GET":
            return None
        place = place_of(scope["raw_path"])
        held = self._held.get((place.key, place.name)) if place else None
        return held if held and self._fresh(held) else None

    async def __call__(self, scope: Scope, send: Send) -> None:
        """Answers one request."""
        refusal = get_only(scope)
        place = place_of(scope["raw_path"])
        try:
            held = await self._document(place) if place and not refusal else None
        except Exception as error:  # noqa: BLE001 - the database, most likely
            log.warning("published.not_read", path=scope["path"], error=type(error).__name__)
            away = problem(503, "database-unavailable", "Not available", "The database does not answer.", AGAIN)
            await away.send(scope, send)
            return
        if held is not None:
            await answer(held, scope, send)
            return
        where = f"There is no environment named {place.environment}, or it does not publish this." if place else ""
        nothing = problem(404, "not-found", "Not found", where or "Nothing is published at this address.")
        await (refusal or nothing).send(scope, send)

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _fresh(self, held: Held) -> bool:
        return held.news == self._news and time.monotonic() - held.read_at < FRESH_SECONDS

    async def _document(self, place: Place) -> Held | None:
        key = (place.key, place.name)
        held = self._held.get(key)
        if held and self._fresh(held):
            return held
        # However many ask at once, the database is asked once. One who comes after news waits for a newer answer.
        reading = self._reading.get(key)
        if reading is None:
            reading = asyncio.ensure_future(self._read_anew(place))
            self._reading[key] = reading
            reading.add_done_callback(lambda done: self._was_read(key, done))
        try:
            return await asyncio.wait_for(asyncio.shield(reading), PATIENCE_SECONDS)
        except Exception:
            if held is None:
                raise
            return held  # as gateways go on with what they have

    def _was_read(self, key: tuple[str, str], done: asyncio.Future[Held | None]) -> None:
        self._reading.pop(key, None)
        if not done.cancelled() and done.exception():
            log.info("published.database_away", environment=key[0])

    async def _read_anew(self, place: Place) -> Held | None:
        before = self._held.get((place.key, place.name))
        while True:
            news = self._news
            held = await asyncio.get_running_loop().run_in_executor(self._threads, self._look, place, before, news)
            if news == self._news:
                break
        self._keep((place.key, place.name), held)
        return held

    def _look(self, place: Place, before: Held | None, news: int) -> Held | None:
        """In a thread: what is in force. What is in memory already is not made again."""
        started = time.monotonic()
        edition = self._read(place.environment, place.name, before.version if before else "")
        if edition is None:
            return None
        if edition.document is None:
            return replace(before, news=news, read_at=started) if before else None
        return held_of(place.name, edition.version, edition.document, news, started)

    def _keep(self, key: tuple[str, str], held: Held | None) -> None:
        old = self._held.pop(key, None)
        self._bytes -= len(old.body) if old else 0
        if held is None:
            return
        self._held[key] = held
        self._bytes += len(held.body)
        while self._bytes > KEPT_BYTES and len(self._held) > 1:
            self._bytes -= len(self._held.pop(next(iter(self._held))).body)


async def answer(held: Held, scope: Scope, send: Send, *more: tuple[bytes, bytes]) -> int:
    """Sends it, with `more` headers; 304 to who has it already, and to HEAD no body. Answers the status."""
    known = matches(header(scope, b"if-none-match"), held.etag)
    status, headers = (304, held.unchanged) if known else (200, held.headers)
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *more]})
    await send({"type": "http.response.body", "body": b"" if known or scope["method"] == "HEAD" else held.body})
    return status


def held_of(name: str, version: str, document: Document, news: int, read_at: float) -> Held:
    """A document as it is kept: its headers are made once, not for each answer."""
    headers = {"X-Content-Type-Options": "nosniff", "Content-Type": MEDIA_TYPES[name], "Cache-Control": CACHE}
    unchanged = encoded({**headers, "ETag": document.etag})
    length = encoded({"Content-Length": str(len(document.body))})
    return Held(document.body, document.etag, [*unchanged, *length], unchanged, version, news, read_at)


@functools.lru_cache(maxsize=1024)
def place_of(raw_path: bytes) -> Place | None:
    """What `/published/{environment}/{name}` means, decoded; None for any other path."""
    parts = raw_path.split(b"/")
    if len(parts) != 4 or parts[:2] != [b"", b"published"]:
        return None
    try:
        environment, name = unquote(parts[2].decode("ascii"), errors="strict"), parts[3].decode("ascii")
    except UnicodeDecodeError:
        return None
    if "\0" in environment or not environment or name not in MEDIA_TYPES:
        return None
    return Place(normal(environment), fold(environment), name)


def matches(if_none_match: str, etag: str) -> bool:
    """RFC 9110, section 13.1.2: weak comparison with each of the list."""
    if not if_none_match:
        return False
    named = [word.strip().removeprefix("W/") for word in if_none_match.split(",")]
    return "*" in named or etag.removeprefix("W/") in named
