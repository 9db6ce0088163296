"""Memory goes back to the system while the server runs, and does so without end."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trustyard.server import memory


@pytest.fixture(autouse=True)
def _collecting() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


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
    asyncio.run(watched())
    assert len(times) >= 3


def test_a_c_library_without_that_call_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    memory.begin()
    assert memory._trim() is None
    assert not gc.isenabled()
    asyncio.run(asyncio.wait_for(memory.given_back(), 10))
    assert gc.isenabled(), "from when all is started"


def test_a_command_collects_once_it_is_loaded() -> None:
    with memory.uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


MANY_THREADS = """
import ctypes, sys, threading
from trustyard.server.memory import begin
begin()
all_there, done = threading.Barrier(21), threading.Event()
def work():
    kept = [bytes(10_000) for _ in range(50)]
    all_there.wait()
    done.wait()
for _ in range(20):
    threading.Thread(target=work).start()
all_there.wait()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = libc.fopen(sys.argv[1].encode(), b"w")
libc.malloc_info(0, ctypes.c_void_p(file))
libc.fclose(ctypes.c_void_p(file))
done.set()
"""


def test_many_threads_share_few_stores_of_memory(tmp_path: Path) -> None:
    said = tmp_path / "malloc.xml"
    subprocess.run([sys.executable, "-c", MANY_THREADS, str(said)], check=True, timeout=60)
    assert 1 <= said.read_text().count("<heap nr=") <= 2
