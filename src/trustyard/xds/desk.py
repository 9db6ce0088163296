"""Who is connected and what each of them should have: streams by node, kept up with the store's news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import grpc
import structlog
from pydantic import ValidationError

from trustyard.gateways.envoy.options import EnvoyOptions
from trustyard.gateways.envoy.resources import Catalogue
from trustyard.gateways.receipts import Receipt
from trustyard.xds.recorder import Recorder
from trustyard.xds.session import Session
from trustyard.xds.store import Gateway, Store

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")
POLL_SECONDS = 2.0  # behind the news, which another process cannot tell and a crash can lose
WORST_FIRST = ("refused", "pending", "sent", "accepted")


class Desk:
    """The sessions, the catalogues they are held against, and the tasks that keep both fresh."""

    def __init__(self, store: Store, poll_seconds: float = POLL_SECONDS) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="xds")
        self._loop = asyncio.get_running_loop()
        self._sessions: list[Session] = []
        self._catalogues: dict[int, Catalogue] = {}
        self._news: set[str] = set()
        self._woken = asyncio.Event()
        self.recorder = Recorder(store, self.in_thread)
        self._unsubscribe = store.subscribe(self._told)
        self._tasks = [
            asyncio.ensure_future(task) for task in (self.recorder.work(), self._follow_news(), self._poll())
        ]

    async def in_thread(self, call: Callable[[], Answer]) -> Answer:
        """A blocking call, in a thread of ours."""
        return await self._loop.run_in_executor(self._threads, call)

    async def gateway_of_token(self, token: str) -> Gateway | None:
        """The gateway whose token this is."""
        return await self.in_thread(partial(self._store.gateway_of_token, token))

    async def catalogue(self, gateway: Gateway) -> Catalogue:
        """What a gateway should have now."""
        material = await self.in_thread(partial(self._store.wanted, gateway.environment))
        known = self._catalogues.get(gateway.id)
        options = _options(gateway)
        if known and known.options == options and known.number == (material.number if material else None):
            return known
        self._catalogues[gateway.id] = Catalogue(material, options)
        return self._catalogues[gateway.id]

    def enter(self, session: Session) -> None:
        """A stream begins."""
        if not self._of_node(session):
            self.recorder.node(session.gateway.id, session.node, connected=True)
        self._sessions.append(session)

    def leave(self, session: Session) -> None:
        """A stream has ended; what the node's other streams say counts again."""
        self._sessions.remove(session)
        others = self._of_node(session)
        if others:
            self.spoke(others[0])
        else:
            self.recorder.node(session.gateway.id, session.node, connected=False)
        if not any(other.gateway.id == session.gateway.id for other in self._sessions):
            self._catalogues.pop(session.gateway.id, None)

    def spoke(self, session: Session) -> None:
        """A session's word may have changed: the node's word is the worst of its streams."""
        streams = self._of_node(session) or [session]
        words = [receipt for stream in streams if (receipt := stream.receipt())]
        if not words or session.ledger.catalogue.number is None:
            return
        word = min(words, key=lambda receipt: WORST_FIRST.index(receipt.state))
        if len(streams) > 1:
            detail = f"{len(streams)} streams are open under this node's name. {word.detail}"
            word = Receipt(word.node, word.state, detail, word.milliseconds)
        self.recorder.receipt(session.gateway.id, session.ledger.catalogue.number, word)

    async def stop(self) -> None:
        """Ends the streams and writes what is left to write."""
        self._unsubscribe()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in self._sessions:
            session.end(grpc.StatusCode.UNAVAILABLE, "Trustyard is stopping.")

    async def close(self) -> None:
        """After the last stream."""
        await self.recorder.flush()
        self._threads.shutdown(wait=False)

    def _of_node(self, session: Session) -> list[Session]:
        return [s for s in self._sessions if s.gateway.id == session.gateway.id and s.node == session.node]

    def _of_token(self, token: str) -> list[Session]:
        return [session for session in self._sessions if session.token == token]

    def _told(self, environment: str) -> None:
        """News, in whatever thread made them."""
        self._loop.call_soon_threadsafe(self._wake, environment)

    def _wake(self, environment: str) -> None:
        self._news.add(environment)
        self._woken.set()

    async def _follow_news(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            environments, self._news = self._news, set()
            for environment in environments:
                await self._refresh(environment, retry=True)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            for environment in {session.gateway.environment for session in self._sessions}:
                await self._refresh(environment, retry=False)
            for session in [session for session in self._sessions if session.ledger.should_retry()]:
                session.aim(session.ledger.catalogue, retry=True)

    async def _refresh(self, environment: str, *, retry: bool) -> None:
        for token in {s.token for s in self._sessions if s.gateway.environment == environment}:
            try:
                await self._refresh_gateway(token, retry=retry)
            except Exception:  # the database may be away for a while; gateways keep what they have
                log.warning("xds.not_refreshed", environment=environment, exc_info=True)

    async def _refresh_gateway(self, token: str, *, retry: bool) -> None:
        gateway = await self.gateway_of_token(token)
        if gateway is None:
            for session in self._of_token(token):
                session.end(grpc.StatusCode.UNAUTHENTICATED, "This gateway's token is no longer valid.")
            return
        catalogue = await self.catalogue(gateway)
        for session in self._of_token(token):
            if retry:
                self.recorder.again(gateway.id, session.node)
            if retry or session.ledger.catalogue is not catalogue:
                session.aim(catalogue, retry=retry)


def _options(gateway: Gateway) -> EnvoyOptions:
    try:
        return EnvoyOptions.model_validate(dict(gateway.options))
    except ValidationError:  # stored by a newer or older Trustyard
        log.warning("xds.options_unreadable", gateway=gateway.name, environment=gateway.environment)
        raise
