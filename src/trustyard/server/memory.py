"""Memory of a process: no garbage collection while it starts, and freed memory is returned to the system later on."""

from __future__ import annotations

import asyncio
import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_SECONDS = 2.0  # a burst is over by then: with ten seconds the next one came on top of it, 40 MB more
M_ARENA_MAX, ARENAS = -8, 2  # as malloc.h of glibc names it


def begin() -> None:
    """To be called first in a serving process: before threads start, and before most modules are loaded.

    glibc would use up to eight malloc arenas per processor, each with free space of its own. Modules stay loaded, so
    the garbage collector is off until `given_back` runs.
    """
    call = getattr(ctypes.CDLL(None), "mallopt", None)
    if call:
        call(M_ARENA_MAX, ARENAS)
    gc.disable()


async def given_back() -> None:
    """Runs once everything has started, until cancelled: returns freed memory to the system every `EVERY_SECONDS`.

    A release of thousands of certificates needs much for a moment, as do fifty new streams. A trim takes milliseconds
    in a thread, outside the interpreter's lock.
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
    """Turns the garbage collector off for a command, which loads what stays until its end."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _trim() -> Callable[[], object] | None:
    """`malloc_trim` of glibc, which keeps freed memory; None with a C library that has no such call."""
    call = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return (lambda: call(0)) if call else None
