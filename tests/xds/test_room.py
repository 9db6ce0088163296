"""What one gateway's token can take of the server: memory is bounded, whatever nodes ask for and never read."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest

from tests.authority import Authority
from tests.live.envoy import eventually
from tests.xds.client import Client
from tests.xds.memory import ControlPlane, GatewayInMemory, MemoryStore
from tests.xds.test_ledger import catalogue
from trustyard.gateways.envoy import resources
from trustyard.gateways.envoy.resources import EXTENSION, SECRET, Resource
from trustyard.gateways.receipts import Receipt
from trustyard.xds import desk as desks
from trustyard.xds import room
from trustyard.xds.desk import Desk
from trustyard.xds.dialects import Delta, StateOfTheWorld
from trustyard.xds.ledger import MAX_LINES, MAX_NAME, Ledger, Line, TooMuch
from trustyard.xds.session import Session

ONE, TWO = (Authority(name).der for name in ("one", "two"))
FULL = grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as plane:
        yield plane


def detail(plane: ControlPlane) -> str:
    word = plane.store.last("client")
    return word.detail if word else ""


def test_nothing_piles_up_for_a_node_that_asks_again_and_again_and_does_not_read(plane: ControlPlane) -> None:
    plane.store.release({f"a{at}": Authority(f"partner {at}").der for at in range(100)})
    with Client(plane.port, plane.store.add()) as client:
        for _ in range(2000):
            client.subscribe("truststore")
        client.subscribe("last")
        eventually(lambda: "of the name last" in detail(plane))
        client.subscribe("jwks", type_url=EXTENSION)
        answers = 0
        while client.receive().type_url != EXTENSION:
            answers += 1
        assert 1 <= answers < 200  # what the connection had room for


@pytest.mark.parametrize("ends", [True, False], ids=["unsubscribed", "asked for anew"])
def test_an_answer_that_never_comes_is_not_waited_for_once_its_subscription_is_over(ends: bool) -> None:
    ledger = Ledger(catalogue(1, ONE))
    dialect = Delta(ledger)
    kept = []
    for _ in range(20):
        dialect.read(DeltaDiscoveryRequest(type_url=SECRET, resource_names_subscribe=["used"]))
        for line, resource in ledger.due():
            dialect.write(line, resource)
            ledger.push(line, resource)
        if ends:
            dialect.read(DeltaDiscoveryRequest(type_url=SECRET, resource_names_unsubscribe=["used"]))
        kept.append(len(gc.get_referents(dialect._unanswered)))
    assert kept[-1] == kept[0]


class Response:
    """Stands for one of a megabyte: those of protobuf cannot be watched."""


class Watched(Delta):
    def write(self, line: Line, resource: Resource) -> Any:
        super().write(line, resource)
        return Response()


def test_a_stream_keeps_no_response_after_it_is_sent() -> None:
    sent: list[weakref.ref[Response]] = []

    async def write(response: Response) -> None:
        sent.append(weakref.ref(response))

    async def requests() -> AsyncIterator[DeltaDiscoveryRequest]:
        yield DeltaDiscoveryRequest(type_url=SECRET, resource_names_subscribe=["used", "truststore"])
        await asyncio.Event().wait()

    async def serve() -> int:
        ledger = Ledger(catalogue(1, ONE))
        gateway: Any = None  # which is asked of by others alone
        session = Session(gateway, "", "node", ledger, Watched(ledger), lambda _: None)
        running = asyncio.ensure_future(session.run(requests(), write))
        while len(sent) < 2:
            await asyncio.sleep(0)
        kept = sum(response() is not None for response in sent)
        for code in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE):
            session.end(code, "")
        assert await running == (grpc.StatusCode.OK, "")
        return kept

    assert asyncio.run(serve()) == 0


@dataclass(eq=False)
class Stream:
    """One of many under the same name."""

    asked: list[Any]
    gateway: Any = field(default_factory=lambda: GatewayInMemory(1, "test", "edge"))
    node: str = "client"
    token: str = ""
    ledger: Ledger = field(default_factory=lambda: Ledger(catalogue(1, ONE)))

    def aim(self, catalogue: Any, *, retry: bool) -> None:
        self.ledger = Ledger(catalogue)

    def receipt(self) -> Receipt:
        self.asked.append(self)
        return Receipt(self.node, "refused", f"word {len(self.asked)}")


def test_a_node_of_many_streams_is_not_gone_through_whole_at_each_of_its_requests() -> None:
    asked: list[Any] = []

    async def story() -> None:
        store = MemoryStore()
        desk = Desk(store)
        streams: list[Any] = [Stream(asked) for _ in range(20)]
        for stream in streams:
            desk.enter(stream)
        for stream in 20 * streams:
            desk.spoke(stream)
        await asyncio.sleep(0)
        assert len(asked) == 20, "once each"
        desk.spoke(streams[0])
        for stream in streams:
            desk.leave(stream)
        await desk.stop()
        await desk.close()
        assert [receipt.detail for _, _, receipt in store.receipts][-1] == f"word {len(asked)}", "nor is a word lost"

    asyncio.run(story())


def test_what_a_node_says_of_a_release_just_before_the_next_one_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "REST", 10**9)  # what is said after the first word is not recorded by itself

    async def story() -> None:
        store = MemoryStore()
        stream: Any = Stream([], token=store.add())
        store.release({"acme": ONE})
        desk = Desk(store)
        desk.enter(stream)
        desk.spoke(stream)
        await asyncio.sleep(0)
        desk.spoke(stream)
        store.release({"acme": TWO})
        while stream.ledger.catalogue.number == 1:
            await asyncio.sleep(0.01)
        desk.leave(stream)
        await desk.stop()
        await desk.close()
        assert (1, "word 2") in [(number, receipt.detail) for _, number, receipt in store.receipts]

    asyncio.run(story())


@pytest.mark.parametrize("dialect", [Delta, StateOfTheWorld])
def test_what_a_node_says_that_it_runs_takes_no_room_for_each_of_its_names(dialect: Any) -> None:
    ledger = Ledger(catalogue(1, ONE))
    names, version = [*(f"alias/{at}" for at in range(10)), MAX_NAME * "n"], 100_000 * "1"
    request: Any = DiscoveryRequest(type_url=SECRET, resource_names=names, version_info=version)
    if dialect is Delta:
        versions = dict.fromkeys(names, version)
        request = DeltaDiscoveryRequest(
            type_url=SECRET, resource_names_subscribe=names, initial_resource_versions=versions
        )
    dialect(ledger).read(request)
    assert [0 < len(line.running) < 2 * MAX_NAME for line in ledger.lines.values()] == 11 * [True]


def test_types_that_are_not_served_do_not_pile_up() -> None:
    dialect = StateOfTheWorld(Ledger(catalogue(1, ONE)))
    for at in range(20):
        dialect.read(DiscoveryRequest(type_url=f"type {at}"))
    assert not dialect._seen


def test_aliases_that_are_not_in_the_release_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "MOST_STRANGE", 10)
    others = [one for one in gc.get_objects() if isinstance(one, Resource)]  # that another test left
    wanted = catalogue(1, ONE)
    names = ["used", "alias/a0", *(f"alias/{at}" for at in range(50))]
    first = [wanted.resource(SECRET, name) for name in names]
    versions = [made.version for made in first if made]
    del first
    made_here = [one for one in gc.get_objects() if isinstance(one, Resource) and not any(one is o for o in others)]
    kept = [one for one in made_here if one.name in names]
    assert len(kept) <= 12
    again = [wanted.resource(SECRET, name) for name in names]
    assert versions == [made.version for made in again if made]


def test_a_name_that_is_longer_than_any_that_is_served_ends_the_stream_in_words(plane: ControlPlane) -> None:
    for request in ({"resource_names_subscribe": ["n" * (MAX_NAME + 1)]}, {"type_url": "t" * (MAX_NAME + 1)}):
        with Client(plane.port, plane.store.add()) as client:
            client.send(**{"resource_names_subscribe": ["used"], **request})
            assert client.end() == (FULL, "A name that a node subscribes to has 200 characters at most.")


def test_a_message_of_megabytes_ends_the_stream(plane: ControlPlane) -> None:
    with Client(plane.port, plane.store.add()) as client:
        client.subscribe("n" * 2_000_000)
        assert client.end()[0] == FULL


def test_a_gateway_opens_so_many_streams_and_no_more_and_others_have_their_own(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MAX_STREAMS", 2)
    edge, other = plane.store.add(), plane.store.add("other")
    first, second = (Client(plane.port, edge, node=f"node-{at}") for at in range(2))
    for client in (first, second):
        client.subscribe("used")
        client.receive()
    with Client(plane.port, edge) as third:
        third.subscribe("used")
        assert third.end() == (FULL, "The nodes of a gateway open 1000 streams at most.")
    with Client(plane.port, other, cluster="test/other") as client:
        client.subscribe("used")
        assert client.receive().resources
    first.close()
    eventually(lambda: served(plane, edge))
    second.close()


def served(plane: ControlPlane, token: str) -> bool:
    with Client(plane.port, token) as client:
        client.subscribe("used")
        try:
            return bool(client.receive().resources)
        except grpc.RpcError:
            return False


def test_the_nodes_of_a_gateway_share_the_room_for_names_and_give_it_back(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MAX_NAMES", 3)
    token = plane.store.add()
    with Client(plane.port, token, node="one") as one:
        one.subscribe("used", "truststore", "alias/a")
        one.receive()
        one.subscribe("used")  # again, which takes no more
        one.send(resource_names_unsubscribe=["alias/a"], resource_names_subscribe=["alias/b"])
        with Client(plane.port, token, node="two") as two:
            two.subscribe("used")
            assert two.end() == (FULL, "The nodes of a gateway subscribe to 100000 names at most.")
    eventually(lambda: served(plane, token))


@pytest.mark.parametrize("leaves", [True, False], ids=["hangs up", "is ended"])
def test_a_stream_is_not_over_before_its_node_has_taken_the_response_under_way(leaves: bool) -> None:
    """Else gRPC cannot end it: it stays open with its response, and counts no more as a stream of its gateway."""

    async def serve() -> None:
        written, taken, left = asyncio.Queue[Any](), asyncio.Event(), asyncio.Event()

        async def write(response: Any) -> None:
            written.put_nowait(response)
            await taken.wait()

        async def requests() -> AsyncIterator[DeltaDiscoveryRequest]:
            yield DeltaDiscoveryRequest(type_url=SECRET, resource_names_subscribe=["used", "truststore"])
            await left.wait()

        ledger, gateway = Ledger(catalogue(1, ONE)), GatewayInMemory(1, "test", "edge")
        session = Session(gateway, "", "node", ledger, Delta(ledger), lambda _: None)
        running = asyncio.ensure_future(session.run(requests(), write))
        await written.get()
        ending = None if leaves else (grpc.StatusCode.UNAUTHENTICATED, "rotated")
        session.end(*ending) if ending else left.set()
        for _ in range(20):
            await asyncio.sleep(0)
        assert not running.done()
        taken.set()
        assert await running == ending
        assert written.empty(), "nor is another one begun"

    asyncio.run(serve())


@pytest.mark.parametrize("field", ["resource_names_subscribe", "resource_names_unsubscribe"])
def test_a_request_that_lists_the_same_name_without_end_ends_the_stream(plane: ControlPlane, field: str) -> None:
    with Client(plane.port, plane.store.add()) as client:
        client.send(**{field: (MAX_LINES + 1) * ["a"]})
        assert client.end() == (FULL, "A node subscribes to 10000 names at most.")
    with pytest.raises(TooMuch):
        StateOfTheWorld(Ledger(catalogue(1, ONE))).read(DiscoveryRequest(resource_names=(MAX_LINES + 1) * ["a"]))
