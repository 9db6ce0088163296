"""Answers that wait for receipts: held for so long and no longer, and given whatever becomes of the database."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from trustyard.server import waiting
from trustyard.server.answers import Message, Receive, Scope, Send
from trustyard.server.waiting import HEADER, LINES, Waiting

SAVED = {"saved": True}
TOLD = {"saved": True, "state": "accepted"}


class Receipts:
    """Settled at the look after these, each of which says no or fails."""

    def __init__(self, *looks: bool | Callable[[], bool], told: Callable[[], object] = lambda: None) -> None:
        self.looks, self.told_before = list(looks), told
        self.asked: list[list[int]] = []

    def settled(self, release_ids: list[int]) -> bool:
        self.asked.append(release_ids)
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return look() if callable(look) else look

    def told(self, answer: dict[str, Any], release_ids: list[int]) -> dict[str, Any]:
        self.asked.append(release_ids)
        self.told_before()
        return answer | TOLD


def away() -> bool:
    raise OSError("The database is away.")


def asked(receipts: Receipts, *bodies: bytes, header: bytes | None = None, stop: bool = False) -> list[Message]:
    """What a client is sent where an app sends these bodies, with what to wait for in the header."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(b"".join(bodies))).encode())]
    headers += [] if header is None else [(HEADER, header)]
    messages: list[Message] = [{"type": "http.response.start", "status": 201, "headers": headers}]
    messages += [{"type": "http.response.body", "body": body, "more_body": True} for body in bodies]
    messages.append({"type": "http.response.body", "body": b""})
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError

    async def story() -> None:
        held = Waiting(app, receipts)
        if stop:
            asyncio.get_running_loop().call_later(0.05, held.stop)
        await held({}, receive, send)
        held.close()

    asyncio.run(story())
    assert HEADER not in dict(sent[0]["headers"]), "it is for nobody outside"
    return sent


def text(sent: list[Message]) -> bytes:
    return b"".join(message["body"] for message in sent[1:])


def test_an_answer_is_held_until_its_releases_are_settled_and_says_what_became_of_them() -> None:
    receipts = Receipts(False, away, False, False, False, False, True)
    sent = asked(receipts, b'{"saved": ', b"true}", header=b"7,8;20")
    assert json.loads(text(sent)) == TOLD
    assert receipts.asked == 8 * [[7, 8]]
    assert sent[0]["headers"] == [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(text(sent))).encode()),
    ]


@pytest.mark.parametrize(("header", "stop"), [(b"7;0.05", False), (b"7;1000", False), (b"7;0", False), (b"7;20", True)])
def test_what_is_not_settled_is_answered_when_its_time_is_over_or_the_server_ends(
    header: bytes, stop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "POLLS", (0.05,))
    if not stop:
        monkeypatch.setattr(waiting, "LONGEST", 0.2)
    began = monotonic()
    receipts = Receipts(False)
    assert json.loads(text(asked(receipts, b'{"saved": true}', header=header, stop=stop))) == TOLD
    assert monotonic() - began < 5
    assert len(receipts.asked) < 10, "with a rest between two looks"


@pytest.mark.parametrize("silent", [False, True])
def test_that_it_is_saved_is_said_though_the_database_has_gone_since(
    silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "ANSWER_SECONDS", 0.05)
    over = threading.Event()
    fail = (lambda: over.wait(0.5)) if silent else away
    began = monotonic()
    sent = asked(Receipts(fail, told=fail), b'{"saved": true}', header=b"7;0.1")
    over.set()
    assert json.loads(text(sent)) == SAVED
    assert monotonic() - began < 5


def test_of_an_answer_in_lines_the_last_one_alone_is_held() -> None:
    receipts = Receipts(False, True)
    sent = asked(receipts, b'{"storing": 3}\n', b'7,8;5\x00{"saved": ', b"true}", header=LINES)
    first, last, _ = text(sent).split(b"\n")
    assert (json.loads(first), json.loads(last)) == ({"storing": 3}, TOLD)
    assert sent[1]["body"] == b'{"storing": 3}\n'
    assert [message.get("more_body", False) for message in sent[1:]] == [True, False]
    assert receipts.asked == 3 * [[7, 8]]


@pytest.mark.parametrize(("header", "first"), [(None, b"\x00\n"), (LINES, b'{"read": 3}\n')])
def test_what_is_not_to_be_waited_for_goes_through(header: bytes | None, first: bytes) -> None:
    receipts = Receipts(False)
    sent = asked(receipts, first, b'{"refused": true}\n', header=header)
    assert text(sent) == first + b'{"refused": true}\n'
    assert [message.get("more_body", False) for message in sent[1:]] == [True, True, False]
    assert receipts.asked == []
