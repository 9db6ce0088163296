"""The program `trustyard` as a process of its own: no terminal, or a pretended one with somebody at it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        """Runs it and expects this exit code (None: any)."""
        return self._ended(["trustyard", *arguments], stdin, code)

    def line(self, line: str, *, code: int | None = 0) -> Ended:
        """Runs a line as it is typed into a shell."""
        return self._ended(["sh", "-c", line], b"", code)

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

    def _ended(self, arguments: list[str], stdin: bytes, code: int | None) -> Ended:
        done = subprocess.run(
            arguments, input=stdin, capture_output=True, env=self.environment, cwd=self.folder, timeout=90, check=False
        )
        ended = Ended(done.returncode, done.stdout, done.stderr.decode())
        assert "Traceback" not in ended.err, ended.err
        assert code is None or ended.code == code, f"{arguments}: {ended.code}\n{done.stdout!r}\n{ended.err}"
        return ended
