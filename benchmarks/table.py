"""One line of the table: a figure of ours beside a peer's of the same run, and whether the goal is met."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

HEADINGS = ("ratio", "goal", "met", "what", "ours", "peer")


@dataclass(frozen=True)
class Row:
    """`ratio` is how many times better we are than the peer: above 1 is better, whatever the unit.

    A goal is a ratio to be above, or where `limit` is given, a figure to stay below.
    """

    what: str
    unit: str
    ours: float
    peer: float | None = None
    who: str = ""
    goal: float | None = None
    limit: float | None = None
    less_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """None where nobody else was measured."""
        if self.peer is None:
            return None
        return self.peer / self.ours if self.less_is_better else self.ours / self.peer

    @property
    def met(self) -> bool | None:
        """None where there is no goal."""
        if self.limit is not None:
            return self.ours < self.limit
        return None if self.goal is None or self.ratio is None else self.ratio > self.goal

    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        if self.limit is not None:
            goal = f"< {self.limit:g} {self.unit}"
        else:
            goal = "" if self.goal is None else f"> {self.goal:g}"
        met = {None: "", True: "met", False: "NOT met"}[self.met]
        peer = "" if self.peer is None else f"{_figure(self.peer)} {self.unit}, {self.who}"
        return ratio, goal, met, self.what, f"{_figure(self.ours)} {self.unit}", peer


def printed(rows: Iterable[Row]) -> None:
    """The table, ratios first."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip(), flush=True)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
