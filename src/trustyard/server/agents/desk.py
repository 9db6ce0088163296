"""Which nodes are connected and what they wait for: in memory, refreshed by the news and a look every two seconds."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import structlog
from django.utils import timezone

from trustyard.actions import agents, news, servers
from trustyard.actions.agents import Seen, Standing
from trustyard.actions.gateway_tokens import Claim
from trustyard.actions.twins import Heard
from trustyard.models.connections import looked_after

from .writing import Writer

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")
LOOK_SECONDS = 2.0  # behind the news, which another process cannot tell
UNKNOWN_SECONDS = 0.1  # until a token that is not current is looked up: all who show such a one meanwhile share a look
GRACE_SECONDS = 10.0  # between two requests of a node that is there
BUSY_SECONDS = 120.0  # from being given a release to the receipt: the host's commands take their time
PACKED = 16  # releases kept as they travel
MOST = 10_000  # nodes
MOST_EACH = 5_000  # of one gateway: whoever has its token names nodes as they like


@dataclass(slots=True, eq=False)
class Waiter:
    """A request that is open: woken when its token ends, and by what is news to it."""

    claim: Claim
    have: str
    edition: str
    woken: asyncio.Future[None]

    def wake(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)


@dataclass(slots=True)
class Present:
    """The requests that a node has open, all of one process."""

    process: str | None
    requests: int = 0
    busy: bool = False
    leaving: asyncio.TimerHandle | None = None


class NodeTaken(Exception):
    """Another process is connected under this node's name."""


class TooMany(Exception):
    """No more nodes can be served."""


class Desk:
    """To be created inside the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(2, "agents")
        self._standings: dict[int, Standing] = {}
        self._read_at = float("-inf")
        self._reading: asyncio.Future[None] | None = None
        self._waiters: set[Waiter] = set()
        self._nodes: dict[tuple[int, str], Present] = {}
        self._nodes_of: Counter[int] = Counter()  # by gateway
        self._packed: dict[tuple[str, str, bool], asyncio.Future[tuple[str, bytes] | None]] = {}
        self._news = asyncio.Event()
        self._stirred: set[Waiter] = set()  # who waited when there was news of their environment
        self._begun = servers.edition() or secrets.token_hex(6)
        self.stopping = False
        self.writer = Writer(lambda words: self.in_thread(lambda: agents.keep(words)))
        self._tasks = [asyncio.ensure_future(task) for task in (self.writer.work(), self._follow(), self._look())]

    @property
    def connected(self) -> int:
        """How many nodes are connected."""
        return sum(present.requests > 0 for present in self._nodes.values())

    def heard(self, environment: str) -> None:
        """News, in any thread."""
        with suppress(RuntimeError):  # the loop has ended
            if environment == news.EVERYTHING:
                self._loop.call_soon_threadsafe(self._say_who_is_there)
            self._loop.call_soon_threadsafe(self._hear, environment)

    def _hear(self, environment: str) -> None:
        for waiter in self._waiters:
            standing = self._standings.get(waiter.claim.gateway_id)
            if standing and standing.environment == environment:
                self._stirred.add(waiter)
        self._news.set()  # all standings are read at once

    async def standing(self, claim: Claim) -> Standing | None:
        """The standing of the gateway with this token; None where the token is no longer the current one."""
        came = time.monotonic()
        if came - self._read_at > LOOK_SECONDS:
            await self._refresh()
        if self._known(claim) is None:
            await asyncio.sleep(UNKNOWN_SECONDS)
            while self._read_at < came:  # the news of a token that was just made may be on their way
                await self._refresh()
        return self._known(claim)

    def _known(self, claim: Claim) -> Standing | None:
        standing = self._standings.get(claim.gateway_id)
        return standing if standing and standing.generation == claim.generation else None

    def edition(self, standing: Standing) -> str:
        """A value that changes when receipts may be lost: the gateway's row was changed, or Trustyard was restarted.

        Servers that run at the same time say the same, for an agent may ask another one each time.
        """
        return f"{self._begun}.{standing.row_version}"

    def is_news(self, standing: Standing, known: Waiter) -> bool:
        """Whether a node that knows this much is to be answered now."""
        return standing.version not in ("", known.have) or known.edition != self.edition(standing)

    async def packed(self, standing: Standing) -> tuple[str, bytes] | None:
        """The newest release as it travels, made once for all who ask; and its version. None: its place is gone."""
        key = (standing.environment, standing.version, standing.allow_older)
        making = self._packed.get(key)
        if making is None:
            while len(self._packed) >= PACKED:
                self._packed.pop(next(iter(self._packed)))
            making = self._packed[key] = asyncio.ensure_future(self.in_thread(lambda: agents.packed(standing)))
            making.add_done_callback(lambda done: self._failed(key, done))
        return await asyncio.shield(making)

    @contextmanager
    def waiting(self, claim: Claim, have: str, edition: str, seconds: float) -> Iterator[Waiter]:
        """A waiter that is woken by news for it, and after these seconds at the latest."""
        waiter = Waiter(claim, have, edition, self._loop.create_future())
        timer = self._loop.call_later(seconds, waiter.wake)
        self._waiters.add(waiter)
        try:
            yield waiter
        finally:
            self._waiters.discard(waiter)
            timer.cancel()

    @contextmanager
    def present(self, gateway_id: int, node: str, process: str | None) -> Iterator[None]:
        """Counts the node as connected while it lasts; `process` None fits any. Raises NodeTaken, TooMany."""
        key = (gateway_id, node)
        present = self._nodes.get(key)
        if present is None:
            if len(self._nodes) >= MOST or self._nodes_of[gateway_id] >= MOST_EACH:
                raise TooMany
            present = self._nodes[key] = Present(process)
            self._nodes_of[gateway_id] += 1
        elif present.requests and process and present.process not in (None, process):
            raise NodeTaken
        present.process = process or present.process
        if not present.requests:  # the node may have been at another server meanwhile
            self.writer.note(Seen(gateway_id, node, connected=True))
        present.requests += 1
        present.busy = False
        if present.leaving:
            present.leaving.cancel()
        try:
            yield
        finally:
            present.requests -= 1
            if not present.requests:
                patience = BUSY_SECONDS if present.busy else GRACE_SECONDS
                present.leaving = self._loop.call_later(patience, self._left, key)

    async def in_thread(self, call: Callable[[], Answer]) -> Answer:
        """Runs a blocking call in a thread of the desk."""
        return await self._loop.run_in_executor(self._threads, lambda: _asked(call))

    def note_heard(self, gateway_id: int, node: str, process: str, address: str) -> None:
        """An agent asked, whether it is served or not; an older one does not say which process it is."""
        if process:
            self.writer.note(Heard(gateway_id, node, process, address, timezone.now()))

    def note_busy(self, gateway_id: int, node: str) -> None:
        """The node is being given a release, and will be silent for a while."""
        self._nodes[gateway_id, node].busy = True

    def stop(self) -> None:
        """Answers everybody who waits."""
        self.stopping = True
        for waiter in self._waiters:
            waiter.wake()

    async def close(self) -> None:
        """To be called after the last request: notes all nodes as gone, and writes what is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for key, present in self._nodes.items():
            if present.leaving:
                present.leaving.cancel()
            self.writer.note(Seen(*key, connected=False))
        while self.writer.waits and await self.writer.flush():
            pass
        self._threads.shutdown(wait=False)

    def _say_who_is_there(self) -> None:
        """Notes all nodes as connected again: other servers may have taken this one for dead."""
        for (gateway_id, node), present in self._nodes.items():
            if present.requests:
                self.writer.note(Seen(gateway_id, node, connected=True))

    def _left(self, key: tuple[int, str]) -> None:
        del self._nodes[key]
        self._nodes_of[key[0]] -= 1
        self.writer.note(Seen(*key, connected=False))

    def _failed(self, key: tuple[str, str, bool], done: asyncio.Future[tuple[str, bytes] | None]) -> None:
        if done.cancelled() or done.exception() or done.result() is None:
            self._packed.pop(key, None)

    async def _refresh(self) -> None:
        """Reads the standings of all gateways, once for all callers, and wakes the requests that are concerned."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read())
            self._reading.add_done_callback(lambda _: setattr(self, "_reading", None))
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        started = time.monotonic()
        self._standings = await self.in_thread(agents.standings)
        self._read_at = started
        for waiter in self._waiters:
            standing = self._standings.get(waiter.claim.gateway_id)
            if not standing or standing.generation != waiter.claim.generation or self.is_news(standing, waiter):
                waiter.wake()

    async def _follow(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if self._reading is not None:  # begun before the news
                with suppress(Exception):
                    await asyncio.shield(self._reading)
            stirred, self._stirred = self._stirred, set()
            await self._look_once()
            for waiter in stirred:  # nothing new, but a node that refused its release tries it again (D-06)
                waiter.wake()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._waiters:
                await self._look_once()

    async def _look_once(self) -> None:
        try:
            await self._refresh()
        except Exception:  # the database may be away for a while; agents keep what they have
            log.warning("agents.not_refreshed", exc_info=True)


def _asked(call: Callable[[], Answer]) -> Answer:
    with looked_after():
        return call()
