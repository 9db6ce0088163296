"""What sentences of every layer have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Thing = TypeVar("Thing")


def plural(number: int, word: str) -> str:
    """`1 certificate`, `2 gateways`, `0 entries`."""
    many = f"{word[:-1]}ies" if word.endswith("y") and word[-2] not in "aeiou" else f"{word}s"
    return f"{number} {word if number == 1 else many}"


def few(things: Sequence[Thing], most: int, shown: Callable[[Thing], str] = str, *, over: bool = False) -> str:
    """`a, b, c and 4 more`: the first `most` of these, and how many more there are; more still with `over`."""
    left = len(things) - most
    more = f" and {'over ' if over else ''}{left} more" if left > 0 else ""
    return ", ".join(map(shown, things[:most])) + more
