"""Answers that wait in memory until their readers take them: how much one sender of requests may let wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from .answers import Message
from .bodies import MEGABYTE

HELD = 256 * MEGABYTE  # of all: beyond it, who lets something wait gets nothing more
HELD_EACH = 128 * MEGABYTE  # of one token, person or address
PIECE = 262_144  # bytes that are sent at once


class Unread:
    """Bytes of answers under way, by who asked for them."""

    def __init__(self) -> None:
        self._by: Counter[str] = Counter()

    def is_too_much(self, sender: str) -> bool:
        """Whether this sender is to read first what it asked for before."""
        own = self._by[sender]
        return own > HELD_EACH or (own > 0 and self._by.total() > HELD)

    @contextmanager
    def counted(self, sender: str, messages: Iterable[Message]) -> Iterator[None]:
        """While this lasts the bodies of these messages count."""
        size = sum(len(message.get("body", b"")) for message in messages)
        self._by[sender] += size
        try:
            yield
        finally:
            self._by[sender] -= size
            if not self._by[sender]:
                del self._by[sender]


def pieces(message: Message) -> Iterator[Message]:
    """The message in several, for the server waits before each until the one before has left."""
    body = message.get("body", b"")
    last = (len(body) - 1) // PIECE * PIECE if body else 0
    for start in range(0, last, PIECE):
        yield {**message, "body": body[start : start + PIECE], "more_body": True}
    yield {**message, "body": body[last:]} if last else message
