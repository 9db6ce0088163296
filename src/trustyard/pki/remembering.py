"""A cache for readers of what is short: certificates repeat their issuers, dates, purposes and addresses."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

A = TypeVar("A")
T = TypeVar("T")
CERTIFICATE = 16_384  # octets of one that is remembered whole; what is read of it takes ten times as much


def remembered(
    *, longest: int, entries: int, size: Callable[[Any], int] = len
) -> Callable[[Callable[[A], T]], Callable[[A], T]]:
    """Caches a pure function: the `entries` used last, for arguments of at most `longest` octets or characters.

    Longer ones are read each time: they rarely repeat, and large ones from strangers must not fill the memory.
    """

    def mark(function: Callable[[A], T]) -> Callable[[A], T]:
        kept = lru_cache(maxsize=entries)(function)

        @wraps(function)
        def ask(data: A) -> T:
            return kept(data) if size(data) <= longest else function(data)

        return ask

    return mark
