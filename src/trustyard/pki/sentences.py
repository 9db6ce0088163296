"""What sentences of every layer have in common."""

from __future__ import annotations

from collections.abc import Sequence


def few(names: Sequence[str], most: int, *, over: bool = False) -> str:
    """`a, b, c and 4 more`: the first `most` of these by name, and how many more there are; more still with `over`."""
    left = len(names) - most
    more = f" and {'over ' if over else ''}{left} more" if left > 0 else ""
    return ", ".join(names[:most]) + more
