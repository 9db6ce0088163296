"""What sentences of every layer have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Thing = TypeVar("Thing")


def few(things: Sequence[Thing], most: int, shown: Callable[[Thing], str] = str, *, over: bool = False) -> str:
    """`a, b, c and 4 more`: the first `most` of these, and how many more there are; more still with `over`."""
    left = len(things) - most
    more = f" and {'over ' if over else ''}{left} more" if left > 0 else ""
    return ", ".join(map(shown, things[:most])) + more
