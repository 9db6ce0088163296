"""What nodes say is written once, the newest word first, and again when the store was away."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Iterable
from time import monotonic

import pytest

from tests.xds.memory import MemoryStore
from trustyard.gateways.receipts import Receipt
from trustyard.xds import recorder as recorders
from trustyard.xds.recorder import Recorder

SENT, ACCEPTED = Receipt("n", "sent"), Receipt("n", "accepted", "Runs used.", 3)


async def at_once(call: Callable[[], None]) -> None:
    call()


def words(store: MemoryStore) -> list[tuple[int, str]]:
    return [(number, receipt.state) for _, number, receipt in store.receipts]


def test_only_the_newest_word_on_a_release_is_written() -> None:
    async def story() -> None:
        store = MemoryStore()
        recorder = Recorder(store, at_once)
        recorder.receipt(1, 1, SENT)
        recorder.receipt(1, 1, ACCEPTED)
        recorder.receipt(1, 2, SENT)
        assert await recorder.flush()
        assert words(store) == [(1, "accepted"), (2, "sent")]

    asyncio.run(story())


def test_a_word_that_was_written_is_not_written_again_until_the_node_comes_back() -> None:
    async def story() -> None:
        store = MemoryStore()
        recorder = Recorder(store, at_once)
        for _ in range(3):
            recorder.receipt(1, 1, ACCEPTED)
            await recorder.flush()
        assert words(store) == [(1, "accepted")]
        recorder.node(1, "n", connected=False)
        recorder.node(1, "n", connected=True)
        recorder.receipt(1, 1, ACCEPTED)
        await recorder.flush()
        assert words(store) == [(1, "accepted")] * 2

    asyncio.run(story())


def test_a_word_taken_back_before_it_was_written_is_not_written() -> None:
    async def story() -> None:
        store = MemoryStore()
        recorder = Recorder(store, at_once)
        recorder.receipt(1, 1, ACCEPTED)
        await recorder.flush()
        recorder.receipt(1, 1, SENT)
        recorder.receipt(1, 1, ACCEPTED)
        await recorder.flush()
        assert words(store) == [(1, "accepted")]

    asyncio.run(story())


def test_what_is_said_again_while_another_word_is_written_is_the_last_word() -> None:
    async def story() -> None:
        store = MemoryStore()

        async def and_then(call: Callable[[], None]) -> None:
            call()
            if words(store)[-1] == (1, "sent"):
                recorder.receipt(1, 1, ACCEPTED)

        recorder = Recorder(store, and_then)
        for word in (ACCEPTED, SENT):
            recorder.receipt(1, 1, word)
            assert await recorder.flush()
        assert await recorder.flush()
        assert words(store) == [(1, "accepted"), (1, "sent"), (1, "accepted")]

    asyncio.run(story())


@pytest.mark.parametrize("when", ["before it is written", "while it is written", "after that"])
def test_what_a_node_said_is_not_remembered_once_it_has_gone(when: str) -> None:
    async def story() -> None:
        store = MemoryStore()

        async def and_then(call: Callable[[], None]) -> None:
            call()
            if when == "while it is written" and not store.nodes:
                recorder.node(1, "n", connected=False)

        recorder = Recorder(store, and_then)
        receipt = Receipt("n", "accepted", "Runs used.")
        remembered = weakref.ref(receipt)
        recorder.receipt(1, 1, receipt)
        del receipt
        if when == "after that":
            assert await recorder.flush()
        if when != "while it is written":
            recorder.node(1, "n", connected=False)
        while not store.nodes:
            await recorder.flush()
        assert words(store) == [(1, "accepted")]
        store.receipts.clear()
        assert remembered() is None

    asyncio.run(story())


def test_of_the_releases_before_nothing_is_remembered() -> None:
    async def story() -> None:
        store = MemoryStore()
        recorder = Recorder(store, at_once)
        said = []
        for number in range(1, 5):
            receipt = Receipt("n", "accepted", "Runs used.")
            said.append(weakref.ref(receipt))
            recorder.receipt(1, number, receipt)
            del receipt
            assert await recorder.flush()
        store.receipts.clear()
        assert [one() is None for one in said] == [True, True, True, False]

    asyncio.run(story())


def test_what_is_said_while_a_word_cannot_be_written_takes_its_place() -> None:
    async def story() -> None:
        store = MemoryStore()
        store.broken = True
        meanwhile = [lambda: recorder.receipt(1, 1, ACCEPTED), lambda: recorder.node(1, "n", connected=False)]

        async def and_then(call: Callable[[], None]) -> None:
            if meanwhile:
                meanwhile.pop(0)()
            call()

        recorder = Recorder(store, and_then)
        recorder.receipt(1, 1, SENT)
        recorder.node(1, "n", connected=True)
        assert not await recorder.flush()
        store.broken = False
        assert await recorder.flush()
        assert words(store) == [(1, "accepted")]
        assert store.nodes == {(1, "n"): False}

    asyncio.run(story())


def test_what_could_not_be_written_is_tried_again_by_itself_and_not_without_a_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorders, "RETRY_SECONDS", 0.1)

    async def story() -> None:
        store = MemoryStore()
        tried: list[object] = []

        async def counted(call: Callable[[], None]) -> None:
            tried.append(call)
            await asyncio.sleep(0)
            call()

        recorder = Recorder(store, counted)
        working = asyncio.ensure_future(recorder.work())
        store.broken = True
        recorder.node(1, "n", connected=True)
        began = monotonic()
        async with asyncio.timeout(10):
            while len(tried) < 3:
                await asyncio.sleep(0.01)
            assert monotonic() - began > 0.15
            store.broken = False
            while not store.nodes:
                await asyncio.sleep(0.01)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    asyncio.run(story())


def test_what_could_not_be_written_waits_and_a_newer_word_takes_its_place() -> None:
    async def story() -> None:
        store = MemoryStore()
        recorder = Recorder(store, at_once)
        store.broken = True
        recorder.receipt(1, 1, SENT)
        recorder.receipt(1, 2, SENT)
        assert not await recorder.flush()
        recorder.receipt(1, 2, ACCEPTED)
        store.broken = False
        assert await recorder.flush()
        assert words(store) == [(1, "sent"), (2, "accepted")]

    asyncio.run(story())


def test_a_word_that_cannot_be_written_holds_up_no_other_nodes() -> None:
    async def story() -> None:
        store = MemoryStore()
        store.unwritable = "n"
        recorder = Recorder(store, at_once)
        recorder.receipt(1, 1, ACCEPTED)
        recorder.receipt(2, 1, Receipt("m", "accepted"))
        assert not await recorder.flush()
        assert [(pk, receipt.node) for pk, _, receipt in store.receipts] == [(2, "m")]
        store.unwritable = ""
        assert await recorder.flush()
        assert [(pk, receipt.node) for pk, _, receipt in store.receipts] == [(2, "m"), (1, "n")]

    asyncio.run(story())


def test_nodes_that_come_together_are_written_together_and_once() -> None:
    """Each by itself, those of a fleet held up what it said for seconds."""

    async def story() -> None:
        store = MemoryStore()
        recorder = Recorder(store, at_once)
        for number in range(200):
            recorder.node(1, str(number), connected=True)
        recorder.node(1, "n", connected=True)
        recorder.receipt(1, 1, ACCEPTED)
        store.unwritable = "n"
        assert not await recorder.flush()
        assert (len(store.nodes), store.turns) == (200, 200), "one by one, where that is what it takes"
        store.unwritable, store.turns = "", 0
        for number in range(200):
            recorder.node(1, str(number), connected=False)
        assert await recorder.flush()
        assert store.nodes == {(1, "n"): True} | {(1, str(number)): False for number in range(200)}
        assert (store.turns, words(store)) == (1, [(1, "accepted")])

    asyncio.run(story())


@pytest.mark.parametrize("everything", [True, False], ids=["nothing is written", "the receipt is not"])
def test_a_receipt_that_is_written_late_does_not_bring_back_a_node_that_has_gone(everything: bool) -> None:
    """In the database a receipt says that its node is there."""

    class Store(MemoryStore):
        late = True

        def record_all(self, words: Iterable[tuple[int, int, Receipt]]) -> None:
            given = list(words)
            if self.late:
                raise OSError
            super().record_all(given)
            self.nodes |= {(gateway_id, receipt.node): True for gateway_id, _, receipt in given}

    async def story() -> None:
        store = Store()
        recorder = Recorder(store, at_once)
        recorder.receipt(1, 1, ACCEPTED)
        recorder.node(1, "n", connected=False)
        store.broken = everything
        assert not await recorder.flush()
        store.broken = store.late = False
        while not await recorder.flush():
            pass
        assert words(store) == [(1, "accepted")]
        assert store.nodes == {(1, "n"): False}

    asyncio.run(story())


def test_what_is_being_written_when_the_server_ends_is_written_and_what_came_after_it_later() -> None:
    async def story() -> None:
        store = MemoryStore()
        asked, free = asyncio.Event(), asyncio.Event()

        async def slowly(call: Callable[[], None]) -> None:
            asked.set()
            await free.wait()
            call()

        recorder = Recorder(store, slowly)
        working = asyncio.ensure_future(recorder.work())
        recorder.receipt(1, 1, SENT)
        await asked.wait()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        recorder.receipt(1, 1, ACCEPTED)
        closing = asyncio.ensure_future(recorder.flush())
        await asyncio.sleep(0.01)
        assert words(store) == []
        free.set()
        assert await closing
        assert words(store) == [(1, "sent"), (1, "accepted")]

    asyncio.run(story())
