"""What a process does about its memory: nothing while it starts, and what it needed for a moment goes back."""

from __future__ import annotations

import asyncio
import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_SECONDS = 10.0
M_ARENA_MAX, ARENAS = -8, 2  # as malloc.h of glibc names it


def begin() -> None:
    """Call it first in a process that serves: before threads begin, and before most of it is loaded.

    glibc would give threads eight stores of memory for each processor, each with gaps. And what is loaded stays, so
    nothing is looked through for garbage until `given_back`.
    """
    call = getattr(ctypes.CDLL(None), "mallopt", None)
    if call:
        call(M_ARENA_MAX, ARENAS)
    gc.disable()


async def given_back() -> None:
    """From when all is started until it is cancelled: what was needed for a moment goes back to the system.

    A release of thousands, fifty streams at once. Takes some milliseconds in a thread, outside the interpreter's lock.
    """
    trim = _trim()
    # What start-up made stays: looking through it again in each collection would be for nothing.
    gc.collect()
    gc.freeze()
    gc.enable()
    while trim:
        await asyncio.sleep(EVERY_SECONDS)
        await asyncio.to_thread(trim)


@contextmanager
def uncollected() -> Iterator[None]:
    """A command loads what stays until its end: it is not looked through for garbage meanwhile."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _trim() -> Callable[[], object] | None:
    """glibc keeps what was freed for itself; other C libraries have no such call, or no need of it."""
    call = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return (lambda: call(0)) if call else None
