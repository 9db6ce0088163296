"""How far releases have come, as people are told: which nodes are still to answer, and which were not persuaded yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from .delivery import Row, Said, said_of
from .releases import latest_of_all

Taken = Literal["", "some", "none"]
_TAKEN = ("accepted", "observed")
_UNANSWERED = ("pending", "sent")
_NOT_TAKEN = ("refused", "unreachable")
_OTHERWISE = ("drifted", "open")


@dataclass(frozen=True)
class Progress:
    """What may still change without anybody's doing. A release that a newer one replaced is no longer delivered."""

    wanted: list[Row]  # of releases that are their environment's newest
    overtaken: list[Row]

    @property
    def unanswered(self) -> bool:
        """Whether a node that is there has not answered yet."""
        return _any(self.wanted, _UNANSWERED)

    @property
    def not_taken(self) -> bool:
        """Whether a node refused or could not be reached; each is tried again, whatever the kind of gateway."""
        return _any(self.wanted, _NOT_TAKEN)

    @property
    def otherwise(self) -> bool:
        """Whether a listener shows something else than its gateway says; it is looked at again and again."""
        return _any(self.wanted, _OTHERWISE)

    @property
    def given_up(self) -> bool:
        """Whether a node never took a release, and a newer one is brought to it by now."""
        return _any(self.overtaken, _NOT_TAKEN)

    @property
    def open(self) -> bool:
        """Whether any word is still to be expected, also of a gateway that nobody has joined yet."""
        return any(row.state not in _TAKEN for row in self.wanted)


def progress(said: Said) -> Progress:
    """The nodes' words on releases."""
    newest = {release.id for release in latest_of_all().values()}
    return Progress(
        [row for release, rows in said if release.pk in newest for row in rows],
        [row for release, rows in said if release.pk not in newest for row in rows],
    )


def taken(release_ids: Collection[int]) -> Mapping[int, Taken]:
    """Of each release, whether only some of its nodes or none at all took it; nothing where none of them objects."""
    return {release.pk: taken_by(rows) for release, rows in said_of(release_ids)}


def taken_by(rows: Iterable[Row]) -> Taken:
    """The same of what the nodes said of one release."""
    joined = [row for row in rows if row.joined]
    if not _any(joined, _NOT_TAKEN):
        return ""
    return "none" if all(row.state in _NOT_TAKEN for row in joined) else "some"


def objections(rows: Iterable[Row]) -> list[Row]:
    """Of what the nodes said of one release: who refused it, could not be reached, or shows something else."""
    return [row for row in rows if row.state in (*_NOT_TAKEN, *_OTHERWISE)]


def _any(rows: Iterable[Row], states: Collection[str]) -> bool:
    return any(row.state in states and row.joined for row in rows)
