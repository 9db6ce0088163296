"""What one stream subscribed to, runs, was sent and refused: values in, values out, no connection and no thread.

A line stands for one subscribed resource. What is due on it follows from three facts: what is wanted, what the node
said that it runs, and what it refused. Envoy keeps a refused secret and fails every later change of the listeners that
refer to it, so after a refusal the last good content of that resource goes out again before anything else (facts of
Envoy 1.40: docs/gateways/envoy.md, *What Envoy does*).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass

from trustyard.gateways.envoy.resources import MOST_SAID, SECRET, Catalogue, Resource, validation_context
from trustyard.gateways.receipts import Receipt, State
from trustyard.pki.sentences import few
from trustyard.xds.room import MAX_NAMES, Room

Key = tuple[str, str]
MAX_LINES = 10_000
MAX_NAME = 200  # characters; the longest name that Trustyard serves has 106
MAX_WORDS = 1000  # of a refusal
NAMED = 5  # subscriptions, in the words of a receipt
PATIENCE_SECONDS = 30.0  # until what was refused is tried again by itself (D-06); doubled each time
MOST_PATIENCE_SECONDS = 600.0


@dataclass(eq=False, slots=True)
class Line:
    """One subscribed resource. Versions are content digests; empty means none, or unknown."""

    type_url: str
    name: str
    running: str = ""  # what the node said it runs
    good: Resource | None = None  # the content of that, where this process has seen it
    sent: Resource | None = None  # pushed and not yet answered
    refused: str = ""  # what the node refused, until there is a reason to try again
    words: str = ""  # and what it said
    poisoned: bool = False  # a refused content may still stand in the node
    remedied: bool = False  # the last good content was sent again after that
    mending: bool = False  # and that is what `sent` is
    nonce: str = ""  # of the response that carried `sent`


class TooMuch(Exception):
    """A node subscribes to more than it may; the message says so."""


class Ledger:
    """The lines of one stream, held against one catalogue."""

    def __init__(
        self, catalogue: Catalogue, clock: Callable[[], float] = time.monotonic, room: Room | None = None
    ) -> None:
        self.catalogue = catalogue
        self._room = room or Room()
        self.lines: dict[Key, Line] = {}
        self._stirred: dict[Key, None] = {}  # of the lines on which something may be due, in their order
        self._clock = clock
        self._first_push: float | None = None
        self._last_answer: float | None = None
        self._patience = PATIENCE_SECONDS
        self._retry_at = 0.0

    def aim(self, catalogue: Catalogue, *, retry: bool) -> None:
        """Sets the wanted catalogue. What was refused is sent again with a new release, or with `retry`."""
        if catalogue is not self.catalogue:
            self._patience = PATIENCE_SECONDS
        retry = retry or catalogue.number != self.catalogue.number
        refused = [line for line in self.lines.values() if line.refused] if retry else []
        if refused or catalogue is not self.catalogue:
            self._first_push = self._last_answer = None
        self.catalogue = catalogue
        self._stirred = dict.fromkeys(self.lines)
        for line in refused:
            line.refused, line.remedied = "", False

    def should_retry(self) -> bool:
        """Whether something was refused long enough ago: the reason may have been a passing one."""
        return any(line.refused for line in self.lines.values()) and self._clock() >= self._retry_at

    def judge(self, *lists: Sized) -> None:
        """Raises TooMuch where a request lists more names than a node may have: those it has already cost time, too."""
        if max(map(len, lists)) > MAX_LINES:
            raise TooMuch(f"A node subscribes to {MAX_LINES} names at most.")

    def subscribe(self, type_url: str, name: str, running: str = "") -> Line:
        """A resource that the node asks for; `running` is the version that it reports to have. Raises TooMuch."""
        if max(len(type_url), len(name)) > MAX_NAME:
            raise TooMuch(f"A name that a node subscribes to has {MAX_NAME} characters at most.")
        self.drop(type_url, name)
        if len(self.lines) >= MAX_LINES:
            raise TooMuch(f"A node subscribes to {MAX_LINES} names at most.")
        if not self._room.has_for_a_name():
            raise TooMuch(f"The nodes of a gateway subscribe to {MAX_NAMES} names at most.")
        self._room.names += 1
        line = self.lines[type_url, name] = Line(type_url, name, running[:MAX_NAME])
        self._stir(line)
        return line

    def drop(self, type_url: str, name: str) -> None:
        """The node unsubscribes from it."""
        if self.lines.pop((type_url, name), None):
            self._room.names -= 1

    def close(self) -> None:
        """The stream has ended."""
        self._room.names -= len(self.lines)

    def of_type(self, type_url: str) -> list[Line]:
        """The lines of one type."""
        return [line for line in self.lines.values() if line.type_url == type_url]

    def wanted(self, line: Line) -> Resource | None:
        """What the line should run; None where Trustyard serves no such name."""
        return self.catalogue.resource(line.type_url, line.name)

    def due(self) -> Iterator[tuple[Line, Resource]]:
        """What should go out now: at most one resource of each line, and none while one is unanswered.

        A node may have thousands of lines, and each of its words is a reason to look: only at those that it concerns.
        """
        for key in list(self._stirred):  # between two of them the node may speak
            line = self.lines.get(key)
            resource = self._due(line) if line and not line.sent else None
            if line and resource:
                yield line, resource
            else:
                self._stirred.pop(key, None)

    def _stir(self, line: Line) -> None:
        self._stirred[line.type_url, line.name] = None

    def _due(self, line: Line) -> Resource | None:
        wanted = self.wanted(line)
        if wanted is None:
            return None
        if line.poisoned and not line.remedied:
            remedy = _remedy(line)
            if remedy:
                return remedy
        if wanted.version in (line.running, line.refused):
            return None
        if self.catalogue.number is None and line.running:
            return None  # a Trustyard that came up empty takes nothing away from a gateway that is served
        return wanted

    def push(self, line: Line, resource: Resource) -> None:
        """Notes that the resource was sent."""
        line.sent = resource
        line.mending = resource != self.wanted(line)
        line.remedied = line.poisoned
        if self._first_push is None:
            self._first_push = self._clock()

    def accept(self, line: Line, resource: Resource) -> None:
        """The node accepted it (ACK)."""
        line.sent, line.running, line.good, line.poisoned = None, resource.version, resource, False
        self._stir(line)
        if not line.mending:
            self._last_answer = self._clock()

    def refuse(self, line: Line, resource: Resource, words: str) -> None:
        """The node refused it with this message (NACK)."""
        line.sent = None
        self._stir(line)
        if not line.mending:  # a refused remedy says nothing new
            self._last_answer = self._clock()
            self._retry_at = self._last_answer + self._patience
            self._patience = min(2 * self._patience, MOST_PATIENCE_SECONDS)
            line.refused, line.words, line.remedied = resource.version, words[:MAX_WORDS], False
        line.poisoned = True

    def receipt(self, node: str) -> Receipt | None:
        """The receipt of this stream for the catalogue's release; None without a release."""
        if self.catalogue.number is None:
            return None
        ours = [(line, wanted) for line in self.lines.values() if (wanted := self.wanted(line))]
        refused = [line for line, wanted in ours if line.refused == wanted.version]
        notes = self._notes(ours)
        if refused:
            words = " ".join(f"{line.name}: {line.words}" for line in refused[:MOST_SAID])
            return Receipt(node, "refused", f"{words} {notes}".strip(), self._milliseconds())
        if not ours:
            return Receipt(node, "pending", f"This node refers to nothing that Trustyard serves. {notes}".strip())
        state: State = "accepted" if all(line.running == wanted.version for line, wanted in ours) else "sent"
        names = few(sorted(line.name for line, _ in ours), NAMED)
        verb = "Runs" if state == "accepted" else "Not yet answered for all of"
        return Receipt(
            node, state, f"{verb} {names}. {notes}".strip(), self._milliseconds() if state == "accepted" else None
        )

    def _notes(self, ours: list[tuple[Line, Resource]]) -> str:
        notes = dict.fromkeys(note for _, wanted in ours for note in wanted.notes)
        known = {(line.type_url, line.name) for line, _ in ours}
        strange = sorted(line.name for key, line in self.lines.items() if key not in known)
        if strange:
            notes[f"Trustyard serves nothing of the name {few(strange, NAMED)}."] = None
        return " ".join(notes)

    def _milliseconds(self) -> int | None:
        if self._first_push is None or self._last_answer is None:
            return None
        return max(0, round((self._last_answer - self._first_push) * 1000))


def _remedy(line: Line) -> Resource | None:
    """The last good content. A node that never had one may get the deny-all anchor: it has nothing to lose."""
    remedy = line.good
    if not line.running and line.type_url == SECRET:
        remedy = validation_context(line.name, [])
    return remedy if remedy and remedy.version != line.refused else None
