"""Who is connected and what each of them should have: streams by node, kept up with the store's news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

import grpc
import structlog
from pydantic import ValidationError

from trustyard.gateways.envoy.options import EnvoyOptions
from trustyard.gateways.envoy.resources import Catalogue
from trustyard.gateways.looks import look
from trustyard.gateways.receipts import Receipt
from trustyard.pki.content import Material
from trustyard.xds.recorder import Recorder
from trustyard.xds.room import Room
from trustyard.xds.session import Session
from trustyard.xds.store import EVERYTHING, Gateway, Store

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")
Node = tuple[int, str]  # the gateway's id, the node's name
REST = 10  # times what it took to record what nodes said, before that is done again
POLL_SECONDS = 2.0  # behind the news, which another process cannot tell and a crash can lose
WORST_FIRST = ("refused", "pending", "sent", "accepted")


class Desk:
    """The sessions, the catalogues they are held against, and the tasks that keep both fresh."""

    def __init__(self, store: Store, poll_seconds: float = POLL_SECONDS) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="xds")
        self._loop = asyncio.get_running_loop()
        self._sessions: dict[Node, list[Session]] = {}
        # By environment and options. Gateways that want the same share one, which lives as long as a stream has it.
        self._catalogues: WeakValueDictionary[tuple[str, str], Catalogue] = WeakValueDictionary()
        self._looked_at: WeakValueDictionary[str, Material] = WeakValueDictionary()  # by environment
        self._spoken: set[Node] = set()  # since they were recorded
        self._saying: asyncio.Handle | None = None
        self._rooms: WeakValueDictionary[int, Room] = WeakValueDictionary()  # as long as one of its streams is open
        self._news: set[str] = set()
        self._woken = asyncio.Event()
        self.recorder = Recorder(store, self.in_thread)
        self._unsubscribe = store.subscribe(self._told)
        self._tasks = [
            asyncio.ensure_future(task) for task in (self.recorder.work(), self._follow_news(), self._poll())
        ]

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._all())

    async def in_thread(self, call: Callable[[], Answer]) -> Answer:
        """Runs a blocking call in a thread of the desk."""
        return await self._loop.run_in_executor(self._threads, call)

    async def gateway_of_token(self, token: str) -> Gateway | None:
        """The gateway whose token this is."""
        return (await self.in_thread(partial(self._store.gateways_of_tokens, [token]))).get(token)

    async def why_not(self, token: str) -> str:
        """Why this token is that of no gateway, for the log."""
        return await self.in_thread(partial(self._store.why_not, token))

    async def catalogue(self, gateway: Gateway) -> Catalogue:
        """What a gateway should have now."""
        return self._catalogue(gateway, await self.in_thread(partial(self._wanted, gateway.environment)))

    def _wanted(self, environment: str) -> Material | None:
        """In a thread. Looks at each certificate there, for 5,000 of them would keep the loop busy for a second."""
        material = self._store.wanted(environment)
        if material is not None and material is not self._looked_at.get(environment):
            for der in material.ders.values():
                look(der)
            self._looked_at[environment] = material
        return material

    def room(self, gateway: Gateway) -> Room:
        """The room that the nodes of a gateway share, with what they have taken of it."""
        room = self._rooms.get(gateway.id)
        if room is None:
            room = self._rooms[gateway.id] = Room()
        return room

    def enter(self, session: Session) -> None:
        """Adds a stream; the first one of a node notes it as connected."""
        if not self._of_node(session):
            self.recorder.node(session.gateway.id, session.node, connected=True)
        self._sessions.setdefault((session.gateway.id, session.node), []).append(session)

    def leave(self, session: Session) -> None:
        """Removes a stream that has ended; the state of the node's other streams counts again."""
        others = self._of_node(session)
        if others == [session]:
            self._record_now(session)  # its last word
        others.remove(session)
        if others:
            self.spoke(others[0])
        else:
            del self._sessions[session.gateway.id, session.node]
            self.recorder.node(session.gateway.id, session.node, connected=False)

    def spoke(self, session: Session) -> None:
        """Has the state of its node recorded soon. However often nodes speak, that takes a share of the time."""
        self._spoken.add((session.gateway.id, session.node))
        if self._saying is None:
            self._saying = self._loop.call_soon(self._say)

    def _say(self) -> None:
        """Records the state of each node that spoke, then rests in proportion to what it cost."""
        started = self._loop.time()
        spoken, self._spoken = self._spoken, set()
        for node in spoken:
            try:
                self._record(self._sessions.get(node, []))
            except Exception:  # nobody foresaw it; it must not cost other nodes their word, now or later
                log.exception("xds.unforeseen", gateway_id=node[0], node=node[1])
        self._saying = self._loop.call_later(REST * (self._loop.time() - started), self._rested)

    def _rested(self) -> None:
        self._saying = self._loop.call_soon(self._say) if self._spoken else None

    def _record_now(self, session: Session) -> None:
        if (session.gateway.id, session.node) in self._spoken:
            self._spoken.remove((session.gateway.id, session.node))
            self._record(self._of_node(session))

    def _record(self, streams: list[Session]) -> None:
        """Records the state of a node, the worst of its streams'."""
        numbers = {stream.ledger.catalogue.number for stream in streams}
        if len(numbers) != 1:
            return  # one may have come while a release was made: they speak once the next look aims it at that too
        number = numbers.pop()
        words = [receipt for stream in streams if (receipt := stream.receipt())]
        if number is None or not words:
            return
        word = min(words, key=lambda receipt: WORST_FIRST.index(receipt.state))
        if len(streams) > 1:
            detail = f"{len(streams)} streams are open under this node's name. {word.detail}"
            word = Receipt(word.node, word.state, detail, word.milliseconds)
        self.recorder.receipt(streams[0].gateway.id, number, word)

    async def stop(self) -> None:
        """Ends the streams and writes what is left to write."""
        self._unsubscribe()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in self._all():
            session.end(grpc.StatusCode.UNAVAILABLE, "Trustyard is stopping.")

    async def close(self) -> None:
        """To be called after the last stream has ended."""
        if self._saying:
            self._saying.cancel()
        await self.recorder.flush()
        self._threads.shutdown(wait=False)

    def _of_node(self, session: Session) -> list[Session]:
        return self._sessions.get((session.gateway.id, session.node), [])

    def _all(self) -> list[Session]:
        return [session for streams in self._sessions.values() for session in streams]

    def _environments(self) -> set[str]:
        return {session.gateway.environment for session in self._all()}

    def _say_who_is_there(self) -> None:
        """Notes all nodes as connected again: other servers may have taken this one for dead."""
        for gateway_id, node in self._sessions:
            self.recorder.node(gateway_id, node, connected=True)

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
            if EVERYTHING in environments:
                environments = self._environments()
                self._say_who_is_there()
            for environment in environments:
                await self._refresh(environment, retry=True)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            for environment in self._environments():
                await self._refresh(environment, retry=False)
            for session in [session for session in self._all() if session.ledger.should_retry()]:
                session.aim(session.ledger.catalogue, retry=True)

    async def _refresh(self, environment: str, *, retry: bool) -> None:
        """Two queries, however many streams there are."""
        streams: dict[str, list[Session]] = {}
        for session in self._all():
            if session.gateway.environment == environment:
                streams.setdefault(session.token, []).append(session)
        if not streams:
            return
        try:
            gateways = await self.in_thread(partial(self._store.gateways_of_tokens, list(streams)))
            material = await self.in_thread(partial(self._wanted, environment))
        except Exception:  # the database may be away for a while; gateways keep what they have
            log.warning("xds.not_refreshed", environment=environment, exc_info=True)
            return
        for token, sessions in streams.items():
            try:
                self._refresh_gateway(gateways.get(token), material, sessions, retry=retry)
            except Exception:
                # Nobody foresaw it; it must neither end these looks for good nor cost other gateways theirs.
                log.exception("xds.unforeseen", environment=environment, gateway=sessions[0].gateway.name)

    def _refresh_gateway(
        self, gateway: Gateway | None, material: Material | None, sessions: list[Session], *, retry: bool
    ) -> None:
        if gateway is None:
            for session in sessions:
                session.end(grpc.StatusCode.UNAUTHENTICATED, "This gateway's token is no longer valid.")
            return
        try:
            catalogue = self._catalogue(gateway, material)
        except ValidationError:  # said in the log; the gateway keeps what it has
            return
        for session in sessions:
            self._record_now(session)  # what it said is of the release that it has, and not of the one to come
        for session in sessions:
            if retry:
                self.recorder.again(gateway.id, session.node)
            if retry or session.ledger.catalogue is not catalogue:
                session.aim(catalogue, retry=retry)

    def _catalogue(self, gateway: Gateway, material: Material | None) -> Catalogue:
        options = _options(gateway)
        key = (gateway.environment, options.model_dump_json())
        known = self._catalogues.get(key)
        # Compared by content, not by number: an environment that was made anew counts from 1 again.
        if known is None or known.material != material:
            known = self._catalogues[key] = Catalogue(material, options)
        return known


def _options(gateway: Gateway) -> EnvoyOptions:
    try:
        return EnvoyOptions.model_validate(dict(gateway.options))
    except ValidationError:  # stored by a newer or older Trustyard
        log.warning("xds.options_unreadable", gateway=gateway.name, environment=gateway.environment)
        raise
