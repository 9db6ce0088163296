"""Starts the program quickly: from a process that has loaded its libraries already, and forks itself for each start.

Loading them is two thirds of what a start costs, and the tests start the program hundreds of times. What is loaded
beforehand needs no settings: libraries, and the layers that may not know Django. All else is as in any start: a process
with an environment, a folder and files of its own, a child of the one that asked for it, which ends as it ends.

    python -P tests/server/loaded.py 3    # 3: a socket on which it is asked, and with which it ends
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile

PROGRAM = str(Path(sys.executable).parent / "trustyard")
PLAIN_LAYERS = ("trustyard.pki", "trustyard.gateways", "trustyard.sources", "trustyard.cli")
LIBRARIES = (
    "trustyard.xds",  # no library: says how gRPC logs, which gRPC reads when it is loaded
    "django.core.handlers.asgi", "django.core.management.commands.migrate", "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base", "django.db.migrations.executor", "django.forms", "django.template.loader",
    "django.views.generic", "argon2", "google.rpc.status_pb2", "grpc.aio", "httptools", "httpx", "jinja2", "jwt",
    "procrastinate", "prometheus_client", "psycopg_pool", "pydantic", "qrcode", "requests", "structlog",
    "uvicorn.protocols.http.httptools_impl", "uvloop", "whitenoise",
)  # fmt: skip
# What an interpreter or the system's loader looks at before all else: with one of these a program is started as usual.
EARLY = ("PYTHON", "LD_")
LARGEST = 2**20  # bytes of a message: arguments, environment and folder
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h

NOTHING = os.open(os.devnull, os.O_RDONLY)  # standard input of what asks for none
Streams = tuple[int, int, int]  # descriptors of standard input, output and error; they stay the caller's


class Started:
    """A child of this process: what the tests use of subprocess.Popen."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for the signal that ended it; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float) -> int:
        """The exit code. Raises subprocess.TimeoutExpired after so many seconds."""
        ended = os.pidfd_open(self.pid) if self.returncode is None else -1
        try:
            if ended >= 0 and not select.select([ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        finally:
            if ended >= 0:
                os.close(ended)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Loaded:
    """The process that has loaded the libraries; of this process of the tests."""

    def __init__(self) -> None:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, its):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
        command = [sys.executable, "-P", __file__, str(its.fileno())]
        pipe = subprocess.PIPE  # as those that it starts usually have: a stream remembers what it was opened on
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, pass_fds=[its.fileno()])
        its.close()
        self._socket = ours

    def start(self, arguments: tuple[str, ...], env: dict[str, str], cwd: Path, streams: Streams) -> int:
        """The number of a new child of this process."""
        message = json.dumps([arguments, env, str(cwd)]).encode()
        # The one in between ends at once, and its child becomes that of the nearest process above that wants it.
        _adopt(True)
        try:
            socket.send_fds(self._socket, [message], streams)
            return int(self._socket.recv(64))
        finally:
            _adopt(False)

    def end(self) -> None:
        """Those that it started go on."""
        self._socket.close()
        self._process.communicate()


Process = Started | subprocess.Popen[bytes]
_wanted: dict[str, str] | None = None  # with these variables of the early kind
_turn = threading.Lock()
_loaded: list[Loaded] = []


def begin() -> None:
    """From now on programs are started like this, where this system can."""
    global _wanted
    _wanted = _early(os.environ) if sys.platform == "linux" else None


def end() -> None:
    """From now on they are started as usual; those that run go on."""
    global _wanted
    _wanted = None
    while _loaded:
        _loaded.pop().end()


def start(*arguments: str, env: dict[str, str], cwd: Path, streams: Streams, program: str = "") -> Process:
    """`trustyard` with these arguments; another `program`, or this one in particular, as usual."""
    if not program and _early(env) == _wanted:
        with _turn:
            if not _loaded:
                _loaded.append(Loaded())
            return Started(_loaded[0].start(arguments, env, cwd, streams))
    stdin, stdout, stderr = streams
    return subprocess.Popen(
        [program or PROGRAM, *arguments], env=env, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr
    )


def run(
    *arguments: str, env: dict[str, str], cwd: Path, stdin: str = "", timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """The same until it ends, within so many seconds. Raises subprocess.TimeoutExpired, and it is killed."""
    with contextlib.ExitStack() as stack:
        given, said, complained = (stack.enter_context(TemporaryFile("w+", encoding="utf-8")) for _ in range(3))
        given.write(stdin)
        given.seek(0)
        streams = given.fileno(), said.fileno(), complained.fileno()
        process = start(*arguments, env=env, cwd=cwd, streams=streams)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
            process.wait(10)
        for file in (said, complained):
            file.seek(0)
        return subprocess.CompletedProcess(["trustyard", *arguments], code, said.read(), complained.read())


def _early(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(EARLY)}


def _adopt(wanted: bool) -> None:
    """Whether a process that loses its parent, among those below this one, becomes a child of this one."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _load() -> None:
    for name in PLAIN_LAYERS:
        layer = importlib.import_module(name)
        for module in pkgutil.walk_packages(layer.__path__, f"{name}."):
            importlib.import_module(module.name)
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # shared with all that it starts, for as long as nobody writes to it


def _wait_for_a_start(asked: socket.socket) -> None:
    """Returns in each process that is started, and never in this one."""
    while True:
        message, streams, _, _ = socket.recv_fds(asked, LARGEST, 3)
        if not message:
            os._exit(0)
        reading, writing = os.pipe()
        between = os.fork()
        if between == 0 and (child := os.fork()):
            os.write(writing, str(child).encode())
            os._exit(0)
        if between == 0:
            asked.close()
            for file in (reading, writing):
                os.close(file)
            return _become(*json.loads(message), streams)
        os.waitpid(between, 0)
        asked.send(os.read(reading, 64))
        for file in (*streams, reading, writing):
            os.close(file)


def _become(arguments: list[str], environment: dict[str, str], folder: str, streams: list[int]) -> None:
    for number, file in enumerate(streams):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = [PROGRAM, *arguments]


if __name__ == "__main__":
    _load()
    _wait_for_a_start(socket.socket(fileno=int(sys.argv[1])))
    from trustyard.cli import main

    main()
