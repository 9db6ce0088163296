"""The real programs that tests talk to: where they are, and running; a missing one skips, and fails where CI is set."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

ROOT = Path(__file__).parent.parent
SYSTEM = ("/usr/sbin", "/sbin", "/usr/local/sbin", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"))))


_told: set[int] = set()  # a listener may not have begun when the next port is asked for
_CHANCE = random.SystemRandom()  # tests that set the seed of the usual one would all be given the same port
LOWEST_PORT = 10_000


def find(name: str) -> str | None:
    """The path of a program, or None: on PATH, where Debian keeps daemons, or in the project's own folder of tools."""
    own = {"envoy": ROOT / ".tools" / "envoy" / "envoy" / "_bin" / "envoy"}
    if name in own:
        return str(own[name]) if own[name].exists() else shutil.which(name)
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(SYSTEM))


def need(name: str, *, package: str) -> str:
    """The path of a program; without it the test skips, or fails where CI is set, and names the package to install."""
    path = find(name)
    if path is None:
        missing(f"{name} is missing: install the package {package} (make test does it)")
    return str(path)


def missing(sentence: str) -> None:
    """Skips with one line, or fails where CI is set: there nothing is left out silently."""
    pytest.fail(sentence, pytrace=False) if os.environ.get("CI") else pytest.skip(sentence)


def free_port() -> int:
    """A port of loopback that was free a moment ago, and that this process has not been told of before.

    It lies below those that the system gives to whoever asks for any: each connection takes one of them, and could
    take this one before its listener begins.
    """
    while True:
        port = _CHANCE.randrange(LOWEST_PORT, _given_by_the_system())
        if port not in _told and _is_free(port):
            _told.add(port)
            return port


def _given_by_the_system() -> int:
    """The first port of those: of Linux as it is set, of others as they usually have it."""
    setting = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(setting.read_text().split()[0]) if setting.exists() else 32_768
    return max(first, LOWEST_PORT + 1_000)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def running(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A program that listens on the port, from when it does until the end of the block."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            deadline = monotonic() + 20
            while not _listens(port):
                assert process.poll() is None, process.stderr.read() if process.stderr else ""
                assert monotonic() < deadline, "it never listened"
                sleep(0.02)
            yield process
        finally:
            process.terminate()
            process.wait(10)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
