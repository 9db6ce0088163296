"""Memory goes back to the system while the server runs, and does so without end."""

from __future__ import annotations

import asyncio
import gc

import pytest

from trustyard.server import memory


def test_memory_is_given_back_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    given = asyncio.Event()
    times: list[int] = []

    async def watched() -> None:
        loop = asyncio.get_running_loop()

        def count() -> None:
            times.append(1)
            if len(times) == 3:
                loop.call_soon_threadsafe(given.set)

        monkeypatch.setattr(memory, "_trim", lambda: count)
        task = asyncio.create_task(memory.given_back())
        await asyncio.wait_for(given.wait(), 10)
        task.cancel()

    monkeypatch.setattr(memory, "EVERY_SECONDS", 0)
    try:
        asyncio.run(watched())
    finally:
        gc.unfreeze()
    assert len(times) >= 3


def test_a_c_library_without_that_call_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert memory._trim() is None
    asyncio.run(asyncio.wait_for(memory.given_back(), 10))
    gc.unfreeze()
