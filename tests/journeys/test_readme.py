"""README's transcript, typed into a real shell beside a real server."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.programs import ROOT, free_port, need
from tests.server.loaded import PROGRAM
from tests.server.serving import Serving, environment

PARTNER = "127.0.0.1:9443"  # README's address of the partner's server; the test gives it a free port


@dataclass(frozen=True)
class Typed:
    """A command of the transcript, and the lines that it shows; `…` in them stands for anything."""

    command: str
    shows: tuple[str, ...]


def transcript(text: str) -> list[Typed]:
    """Every command of the `console` blocks, in order."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shows = part.rstrip("\n").split("\n")
            found.append(Typed(command, tuple(shows)))
    return found


def pattern(shows: tuple[str, ...]) -> re.Pattern[str]:
    """The lines as a pattern: a line that is `…` alone stands for any lines, within a line `…` for any characters."""
    lines = [r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", "[^\n]*") + r"[ ]*\n" for line in shows]
    return re.compile("".join(lines))


class Shell:
    """One bash for the whole story, so that variables and background programs last."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env=variables,
            start_new_session=True,
        )

    def type(self, command: str) -> tuple[str, int]:
        """What the command printed, and its exit code. It has half a minute."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{command}\n{{ code=$?; echo; echo =done= $code; }}\n")
        self.process.stdin.flush()
        killer = threading.Timer(30, self.end)
        killer.start()
        lines = []
        try:
            for line in self.process.stdout:
                if match := re.fullmatch(r"=done= (\d+)\n", line):
                    return "".join(lines).removesuffix("\n"), int(match[1])
                lines.append(line)
        finally:
            killer.cancel()
        raise AssertionError(f"{command}: no end within 30 s\n{''.join(lines)}")

    def end(self) -> None:
        """Ends it and everything that it started."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        if self.process.poll() is None:
            self.end()
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    need("openssl", package="openssl")
    need("curl", package="curl")
    folder = tmp_path_factory.mktemp("readme")
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(PROGRAM).parent)
    with Serving(folder / "trustyard-data") as serving:
        variables = {**environment(serving.data_dir), "TRUSTYARD_URL": serving.url, "LC_ALL": "C.UTF-8"}
        opened = Shell(folder, variables)
        yield opened
        opened.close()


def wait_for(port: int) -> None:
    """Until the partner's server answers; a person who types is slower than openssl starts."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.05)
    raise AssertionError("openssl s_server did not start")


def test_the_transcript_in_readme_is_what_happens(shell: Shell) -> None:
    """S-10, S-15, S-17, S-25, S-36, D-14: the story of the first page."""
    typed = transcript((ROOT / "README.md").read_text("utf-8"))
    assert len(typed) >= 12
    port = free_port()
    for step in typed:
        command = step.command.replace(PARTNER, f"127.0.0.1:{port}")
        out, code = shell.type(command)
        assert code == 0, f"$ {command}\n{out}"
        wanted = pattern(step.shows)
        assert wanted.fullmatch(f"{out}\n" if out and not out.endswith("\n") else out), f"$ {command}\n{out}"
        if command.endswith("&"):
            wait_for(port)
