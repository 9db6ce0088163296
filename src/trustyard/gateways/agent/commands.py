"""Runs the host's own commands: without a shell, within a time limit, their output cut to a size."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from trustyard.pki.names import printable

from .configuration import Command

KEPT = 1000  # bytes of output that are kept from its beginning, and as many from its end
LOOK_SECONDS = 0.05
KILL_SECONDS = 5.0  # until what was killed must be gone


@dataclass(frozen=True)
class Outcome:
    """Whether a command succeeded, and in words how it ended, its output included."""

    good: bool
    words: str


def run(name: str, command: Command, variables: Mapping[str, str]) -> Outcome:
    """Runs a command; at its time limit it is killed with all processes that it started. Never raises.

    One that cannot be killed is left to itself, and the words say so.
    """
    try:
        process = subprocess.Popen(
            command.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **variables},
            cwd="/",
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return Outcome(
            False, f"{name} could not be started: {getattr(error, 'strerror', error)} ({command.command[0]})."
        )
    printed = _Printed()
    try:
        in_time = _follow(process, printed, time.monotonic() + command.seconds)
    finally:
        gone = _gone(process)
        if process.stdout:
            process.stdout.close()
    if not in_time:
        end = "was ended" if gone else "could not be ended, as under sudo or amid a disk that hangs"
        return Outcome(False, f"{name} did not end within {command.seconds:g} seconds and {end}{printed.after()}")
    if process.returncode:
        how = f"exit code {process.returncode}" if process.returncode > 0 else f"signal {-process.returncode}"
        return Outcome(False, f"{name} failed with {how}{printed.after()}")
    return Outcome(True, f"{name} passed")


def _follow(process: subprocess.Popen[bytes], printed: _Printed, deadline: float) -> bool:
    """Reads until the process has ended; False at the deadline. Its background processes may keep the pipe open."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    os.set_blocking(descriptor, False)
    reading = True
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while (ended := process.poll() is not None) or time.monotonic() < deadline:
            if reading and selector.select(0 if ended else LOOK_SECONDS):
                reading = printed.read(descriptor)
            elif not reading and not ended:
                _pause(process)
            if ended:
                printed.read_all(descriptor)
                return True
    return False


def _gone(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended, if need be by a kill. Processes of another user we may not kill."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(KILL_SECONDS)
    return process.returncode is not None


def _pause(process: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(LOOK_SECONDS)


class _Printed:
    """The beginning and the end of what a command printed."""

    def __init__(self) -> None:
        self._begin = bytearray()
        self._end = bytearray()
        self._cut = False

    def read(self, descriptor: int) -> bool:
        """Reads what the pipe holds; False at its end."""
        try:
            data = os.read(descriptor, 65536)
        except BlockingIOError:
            return True
        room = KEPT - len(self._begin)
        self._begin += data[:room]
        self._end += data[room:] if room > 0 else data
        if len(self._end) > KEPT:
            del self._end[:-KEPT]
            self._cut = True
        return bool(data)

    def read_all(self, descriptor: int) -> None:
        """Reads what is left in the pipe, which holds 64 KiB."""
        for _ in range(4):
            if not self.read(descriptor):
                return

    def after(self) -> str:
        """`: ` and the words, on one line; or a full stop where there are none."""
        parts = [self._begin, self._end] if self._cut else [self._begin + self._end]
        text = " … ".join(" ".join(part.decode("utf-8", "replace").split()) for part in parts)
        return f": {printable(text)}" if text else "."
