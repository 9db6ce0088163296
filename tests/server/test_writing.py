"""What agents say is written in the order in which it came, to the last word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from trustyard.actions import agents
from trustyard.actions.agents import Said, Seen
from trustyard.gateways.receipts import Receipt
from trustyard.server.agents import desk as desks
from trustyard.server.agents.writing import Writer

CAME, WENT = Seen(1, "n", connected=True), Seen(1, "n", connected=False)
ACCEPTED = Said(1, "1." + "0" * 64, Receipt("n", "accepted"))


class Kept:
    """A database that takes its time, and may be away."""

    def __init__(self) -> None:
        self.words: list[Said | Seen] = []
        self.asked = asyncio.Event()
        self.free = asyncio.Event()
        self.away = False

    async def keep(self, words: list[Said | Seen]) -> list[bool]:
        self.asked.set()
        await self.free.wait()
        if self.away:
            self.away = False
            raise OSError("away")
        self.words += words
        return [True] * len(words)


async def ended_amid_a_batch(writer: Writer, kept: Kept) -> None:
    working = asyncio.ensure_future(writer.work())
    await kept.asked.wait()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def closed(writer: Writer) -> None:
    """As the desk does it."""
    while writer.waits and await writer.flush():
        pass


def in_a_loop(story: Callable[[Kept, Writer], Coroutine[Any, Any, None]]) -> None:
    async def told() -> None:
        kept = Kept()
        await asyncio.wait_for(story(kept, Writer(kept.keep)), 10)

    asyncio.run(told())


@pytest.mark.parametrize("away", [False, True], ids=["there", "away once"])
def test_the_batch_that_is_being_written_when_the_server_ends_is_written_before_what_follows(away: bool) -> None:
    async def story(kept: Kept, writer: Writer) -> None:
        kept.away = away
        writer.note(CAME)
        await ended_amid_a_batch(writer, kept)
        writer.note(WENT)
        closing = asyncio.ensure_future(closed(writer))
        await asyncio.sleep(0.01)
        kept.free.set()
        await closing
        assert kept.words == [CAME, WENT]
        assert not writer.waits

    in_a_loop(story)


def test_a_receipt_that_is_being_written_when_the_server_ends_is_answered() -> None:
    async def story(kept: Kept, writer: Writer) -> None:
        telling = asyncio.ensure_future(writer.kept(ACCEPTED))
        await asyncio.sleep(0)
        await ended_amid_a_batch(writer, kept)
        assert writer.waits  # so the desk waits for it
        kept.free.set()
        await closed(writer)
        assert await telling
        assert kept.words == [ACCEPTED]

    in_a_loop(story)


def test_a_node_that_takes_a_release_has_its_time_though_another_request_of_it_has_ended_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words: list[Said | Seen] = []
    monkeypatch.setattr(agents, "keep", lambda batch: [words.append(word) is None for word in batch])
    monkeypatch.setattr(desks, "GRACE_SECONDS", 0.05)

    async def story() -> None:
        desk = desks.Desk()
        with desk.present(1, "n", None):
            with desk.present(1, "n", None):
                pass
            desk.note_busy(1, "n")
        await asyncio.sleep(0.2)
        await closed(desk.writer)
        assert words == [CAME]
        await desk.close()
        assert words == [CAME, WENT]

    asyncio.run(asyncio.wait_for(story(), 10))
