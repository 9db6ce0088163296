"""A real `trustyard serve` or `worker` in a process of its own, on free ports, with a data directory of its own."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.databases import PASSWORD as PASSWORD
from tests.databases import opened, prepare, settings_of
from tests.live.envoy import eventually as eventually

from . import loaded
from .loaded import PROGRAM as PROGRAM

READY_SECONDS = 60.0  # two at once on an empty database, on a machine that is busy
READY = "Worker: ready"


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """The variables of a server or a local command; nothing of the caller's own TRUSTYARD_* gets through."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRUSTYARD_")}
    own = {
        "TRUSTYARD_DATA_DIR": str(data_dir),
        "TRUSTYARD_LISTEN": "127.0.0.1:0",
        "TRUSTYARD_XDS_LISTEN": "127.0.0.1:0",
        "TRUSTYARD_ADMIN_PASSWORD": PASSWORD,
        "TRUSTYARD_FETCH_ALLOW": "127.0.0.0/8",
    }
    own |= {} if "DATABASE_URL" in settings else settings_of(data_dir)
    return {**kept, **own, **{f"TRUSTYARD_{name}": value for name, value in settings.items()}}


def run(
    data_dir: Path, *arguments: str, stdin: str = "", code: int = 0, **settings: str
) -> subprocess.CompletedProcess[str]:
    """A local command, which ends with this exit code."""
    env = environment(data_dir, **settings)
    done = loaded.run(*arguments, env=env, cwd=data_dir.parent, stdin=stdin)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def token_for(data_dir: Path, role: str = "admin") -> str:
    """A token put straight into the database: the command takes a second each time, and has tests of its own."""
    name, secret = f"t{os.urandom(4).hex()}", f"ty_{os.urandom(16).hex()}"
    digest = hashlib.sha256(secret.encode()).hexdigest()
    with opened(data_dir) as database:
        database.execute(
            "INSERT INTO trustyard_token (name, name_key, sha256, role, made_by, created_at)"
            f" VALUES ('{name}', '{name}', '{digest}', '{role}', 'tests', CURRENT_TIMESTAMP)"
        )
    return secret


class Serving:
    """Started and ready, or an assertion with what it said."""

    def __init__(self, data_dir: Path, command: str = "serve", *, program: str = "", **settings: str) -> None:
        self.data_dir = data_dir
        if command == "serve" and not {"DATABASE_URL", "ADMIN_PASSWORD"} & settings.keys():
            prepare(data_dir)
        self._settings = settings
        (said, out), (complained, err) = os.pipe(), os.pipe()
        streams, env = (loaded.NOTHING, out, err), environment(data_dir, **settings)
        self.process = loaded.start(command, program=program, env=env, cwd=data_dir.parent, streams=streams)
        os.close(out)
        os.close(err)
        self.said: list[str] = []
        self.log: list[str] = []
        self._ready = threading.Event()
        self._threads = [
            threading.Thread(target=self._listen, args=(said, self.said), daemon=True),
            threading.Thread(target=self._listen, args=(complained, self.log), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        assert self._ready.wait(READY_SECONDS), (self.said, self.log)
        found = [re.fullmatch(r"(?:Console and REST API|Health and metrics): (http://\S+)", line) for line in self.said]
        urls = [match[1] for match in found if match]
        if not urls and READY not in self.said:
            self.kill()
            raise AssertionError("\n".join(["It did not start.", *self.said, *self.log]))
        self.url = urls[0] if urls else ""
        self._token = ""

    @property
    def token(self) -> str:
        """An administrator's token."""
        if not self._token:
            name = f"t{os.urandom(4).hex()}"
            self._token = (
                run(self.data_dir, "token", "create", name, "--role", "admin", **self._settings).stdout.strip()
                if "DATABASE_URL" in self._settings
                else token_for(self.data_dir)
            )
        return self._token

    def share_token(self, others: list[Serving]) -> None:
        """Nodes of one database know the same tokens."""
        self._token = next((other._token for other in others if other._token), "")

    def client(self, **options: Any) -> httpx.Client:
        """Speaks to it as that administrator."""
        headers = {"Authorization": f"Bearer {self.token}"}
        # Else each client reads all roots anew, for a connection without TLS.
        options = {"verify": False, **options}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=30, **options)

    def connection(self) -> socket.socket:
        """A connection to it, with nothing said yet."""
        parts = urlsplit(self.url)
        return socket.create_connection((parts.hostname, parts.port), timeout=30)

    def terminate(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.terminate()
        code = self.process.wait(60)
        self._end()
        return code

    def kill(self) -> None:
        """SIGKILL, whatever it is doing."""
        self.process.kill()
        self.process.wait(60)
        self._end()

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.terminate()

    def _listen(self, stream: int, lines: list[str]) -> None:
        with open(stream, encoding="utf-8") as said:
            for line in said:
                lines.append(line.rstrip("\n"))
                if line.startswith("xDS: ") or READY in self.said:
                    self._ready.set()
        self._ready.set()  # it ended: nothing more to wait for

    def _end(self) -> None:
        for thread in self._threads:
            thread.join(10)


def sign_in(browser: httpx.Client, url: str, name: str = "admin", password: str = PASSWORD) -> bool:
    """As a browser does, with the form's CSRF token; whether it was let in."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get(f"{url}/sign-in/").text)
    assert found
    form = {"login": name, "password": password, "csrfmiddlewaretoken": found[1]}
    return browser.post(f"{url}/sign-in/", data=form).status_code == 302
