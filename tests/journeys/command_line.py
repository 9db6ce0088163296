"""The program `trustyard`: in this process, in one of its own by a shell, or at a terminal with somebody at it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.inside import invoke

FOLDER = str(Path(sys.executable).parent)


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """`trustyard …` against one server, with one person's token, in one folder."""

    url: str
    token: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TRUSTYARD_")}
        path = f"{FOLDER}{os.pathsep}{kept.get('PATH', '')}"
        return {**kept, "PATH": path, "TRUSTYARD_URL": self.url, "TRUSTYARD_TOKEN": self.token}

    def __call__(self, *arguments: str, stdin: bytes = b"", code: int | None = 0) -> Ended:
        """Runs it here, for a process takes longer to start than it works, and expects this exit code (None: any)."""
        others = {name: None for name in os.environ if name.startswith("TRUSTYARD_")}
        with chdir(self.folder):
            done = invoke(arguments, stdin, {**others, **self.environment})
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return _as_expected(Ended(done.exit_code, done.stdout_bytes, done.stderr), code, arguments)

    def line(self, line: str) -> Ended:
        """Runs a line as it is typed into a shell, which must end with exit code 0."""
        done = subprocess.run(
            ["sh", "-c", line],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=self.environment,
            cwd=self.folder,
            timeout=90,
            check=False,
        )
        return _as_expected(Ended(done.returncode, done.stdout, done.stderr.decode()), 0, line)

    def asked(self, *arguments: str, answer: str) -> tuple[int, str]:
        """Runs it at a terminal where somebody types this answer; the exit code and what stood on the screen."""
        master, slave = pty.openpty()
        process = subprocess.Popen(
            ["trustyard", *arguments],
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment,
            cwd=self.folder,
        )
        os.close(slave)
        os.write(master, answer.encode())
        out, _ = process.communicate(timeout=60)
        os.close(master)
        return process.returncode, out.decode()


def _as_expected(ended: Ended, code: int | None, asked: object) -> Ended:
    assert "Traceback" not in ended.err, ended.err
    assert code is None or ended.code == code, f"{asked}: {ended.code}\n{ended.out!r}\n{ended.err}"
    return ended
