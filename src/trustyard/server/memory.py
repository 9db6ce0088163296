"""Gives memory back to the system that was needed for a moment: a release of thousands, fifty streams at once."""

from __future__ import annotations

import asyncio
import ctypes
import gc
from collections.abc import Callable

EVERY_SECONDS = 10.0
M_ARENA_MAX, ARENAS = -8, 2  # as malloc.h of glibc names it


async def given_back() -> None:
    """Until it is cancelled. Takes some milliseconds in a thread, outside the interpreter's lock."""
    trim = _trim()
    # What start-up made stays: looking through it again in each collection would be for nothing.
    gc.collect()
    gc.freeze()
    while trim:
        await asyncio.sleep(EVERY_SECONDS)
        await asyncio.to_thread(trim)


def few_arenas() -> None:
    """Call it before threads begin: glibc would give them eight stores of memory for each processor, each with gaps."""
    call = getattr(ctypes.CDLL(None), "mallopt", None)
    if call:
        call(M_ARENA_MAX, ARENAS)


def _trim() -> Callable[[], object] | None:
    """glibc keeps what was freed for itself; other C libraries have no such call, or no need of it."""
    call = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return (lambda: call(0)) if call else None
