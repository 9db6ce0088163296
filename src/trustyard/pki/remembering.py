"""A cache for readers of short byte strings: certificates repeat their issuers, dates, purposes and addresses."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")


def remembered(*, longest: int, entries: int) -> Callable[[Callable[[bytes], T]], Callable[[bytes], T]]:
    """Caches a pure function of bytes: the `entries` used last, for arguments of at most `longest` octets.

    Longer ones are read each time: they rarely repeat, and large ones from strangers must not fill the memory.
    """

    def mark(function: Callable[[bytes], T]) -> Callable[[bytes], T]:
        kept = lru_cache(maxsize=entries)(function)

        @wraps(function)
        def ask(data: bytes) -> T:
            return kept(data) if len(data) <= longest else function(data)

        return ask

    return mark
