"""The table Deployment: what it says above its rows, and how soon it looks again; and what many nodes said in short."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.core.paginator import Page, Paginator
from django.urls import reverse

from trustyard.actions import delivery
from trustyard.actions.delivery import Row
from trustyard.actions.progress import Progress, Taken, objections, progress, taken_by

from .pages import LINES

Word = Literal["waiting", "not taken", "otherwise", "late", "given up", "answered"]
# Seconds that a table has been on the screen, and how often it asks until then: most answer at once, what is tried
# again takes its time, and a page that was left open costs next to nothing. It ends with the session.
_SOON, _LATER, _LAST = 120, 900, 12 * 3600
FEW = 10  # nodes that a row of a list names; of more it names those that object
_BADNESS: Mapping[str, int] = {state: at for at, state in enumerate(delivery.WORST_FIRST)}
Counts = list[tuple[str, int]]  # how many nodes are in which state, the worst first


@dataclass(frozen=True)
class InShort:
    """What nodes said, for a row of a list: each of a few; of many how many said what, and the first that object."""

    named: list[Row]
    objections: list[Row]  # those of them that have something to explain
    counts: Counts
    number: int


def in_short(rows: Sequence[Row]) -> InShort:
    """The nodes of one release."""
    many = len(rows) > FEW
    named = sorted(objections(rows), key=lambda row: _BADNESS[row.state])[:FEW] if many else list(rows)
    return InShort(named, objections(named), _counts(row.state for row in rows) if many else [], len(rows))


def _counts(states: Iterable[str]) -> Counts:
    return sorted(Counter(states).items(), key=lambda counted: _BADNESS[counted[0]])


@dataclass(frozen=True)
class Deployed:
    """What the fragment `_deployment.html` shows."""

    environments: list[dict[str, Any]]  # as REST says them, each with the number `pk` of its release's page
    lines: Page[dict[str, Any]]  # of nodes, and of environments that have none
    counts: Counts  # nothing where all nodes are on the page
    word: Word
    every: int  # seconds between two looks; 0: nothing is to be expected
    ids: str
    since: int  # when the table came to the screen, in seconds since 1970
    open: bool
    taken: Mapping[int, Taken]  # for the badges beside the table, by the ids of the releases

    @property
    def address(self) -> str:
        """Where it is asked for again."""
        return f"{reverse('deployment')}?releases={self.ids}&since={self.since}"

    @property
    def turned(self) -> str:
        """Where another page of its lines is asked for, but for the number."""
        return f"{self.address}&page="

    @property
    def mark(self) -> str:
        """A digest of what is shown: while it is the same but for how long a try took, the page is left as it is."""
        said = [
            {**place, "gateways": [{**row, "milliseconds": 0} for row in place["gateways"]]}
            for place in self.environments
        ]
        shown = json.dumps([said, self.word, self.every], sort_keys=True)
        return hashlib.sha256(shown.encode()).hexdigest()[:16]


def deployed(ids: Sequence[int], since: int | None = None, page: str = "") -> Deployed | None:
    """The table of these releases; None where there is nothing to show."""
    said = delivery.said_of(ids) if ids else []
    if not said:
        return None
    now = int(time.time())
    begun = now if since is None else since
    state = progress(said)
    word = _word(state, now - begun)
    every = _every(state, word, now - begun)
    found = delivery.deployment_json(said)["environments"]
    for place, (release, _) in zip(found, said, strict=True):
        place["pk"] = release.pk
    took = {release.pk: taken_by(rows) for release, rows in said}
    lines = list(_lines(found))
    counts = []
    if len(lines) > LINES:  # the worst come first
        lines.sort(key=lambda line: _BADNESS[line["state"]])
        counts = _counts(line["state"] for line in lines)
    shown = Paginator(lines, LINES).get_page(page)
    return Deployed(found, shown, counts, word, every, ",".join(str(one) for one in ids), begun, state.open, took)


def _lines(environments: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for place in environments:
        for at, row in enumerate(place["gateways"], 1):
            yield {**row, "place": place, "id": f"deployed-{place['pk']}-{at}"}
        if not place["gateways"]:
            yield {"place": place, "state": place["state"]}


def _word(state: Progress, age: int) -> Word:
    if state.unanswered and age < _SOON:
        return "waiting"
    if state.not_taken:
        return "not taken"
    if state.otherwise:
        return "otherwise"
    if state.unanswered:
        return "late"
    return "given up" if state.given_up else "answered"


def _every(state: Progress, word: Word, age: int) -> int:
    if not state.open or age >= _LAST:
        return 0
    if word == "waiting":
        return 1
    return 5 if age < _LATER else 30
