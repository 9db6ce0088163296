"""A whole Trustyard and a real `trustyard agent` beside it, as the tests of gateways on hosts need them."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.authority import Issued
from tests.live.envoy import request
from tests.server import loaded
from tests.server.serving import Serving, eventually
from trustyard.gateways import folders

_numbers = itertools.count(1)
Command = list[str]


def commands(**named: Command | tuple[Command, float]) -> str:
    """TOML of the commands `check`, `reload` and `verify`; with a time limit where one is given."""
    parts = []
    for name, given in named.items():
        command, seconds = given if isinstance(given, tuple) else (given, 20)
        parts.append(f"[{name}]\ncommand = {json.dumps(command)}\nseconds = {seconds}\n")
    return "\n".join(parts)


class Place:
    """An environment of its own, without a root set, with the gateway `edge` of kind agent."""

    def __init__(self, server: Serving) -> None:
        self.server = server
        self.name = f"hosts-{next(_numbers)}"
        self.rest("POST", "/environments", {"name": self.name, "type": "test"})
        self.rest("POST", f"/environments/{self.name}/gateways", {"name": "edge", "kind": "agent"})

    def rest(self, method: str, path: str, value: Any = None, **headers: str) -> httpx.Response:
        """One call of the REST API, which must succeed."""
        with self.server.client() as client:
            answer = client.request(method, f"/api/v1{path}", json=value, headers=headers)
        assert answer.is_success, answer.text
        return answer

    def bootstrap(self) -> str:
        """The agent's configuration, as an operator would print it."""
        return self.rest("GET", f"/environments/{self.name}/gateways/edge/bootstrap").text

    def trust(self, name: str, issued: Issued, wait: float = 30) -> dict[str, Any]:
        """Save and Deploy of this certificate; the row of the deployment."""
        source = {"kind": "paste", "encoding": "BASE64PEM", "content": issued.pem}
        entry = {"environment": self.name, "alias": name, "source": source}
        body = {"name": f"{self.name}-{name}", "entries": [entry], "deploy": True}
        return self._row(self.rest("POST", f"/certificates?wait={wait}", body))

    def distrust(self, name: str, wait: float = 30) -> dict[str, Any]:
        """The certificate is deleted; the row of the deployment."""
        path = f"/certificates/{self.name}-{name}"
        etag = self.rest("GET", path).headers["ETag"]
        return self._row(self.rest("DELETE", f"{path}?wait={wait}", None, **{"If-Match": etag}))

    def _row(self, answer: httpx.Response) -> dict[str, Any]:
        row: dict[str, Any] = answer.json()["deployment"]["environments"][0]["gateways"][0]
        return row

    def said(self) -> dict[str, Any]:
        """What the gateway's node says of the newest release."""
        items = self.rest("GET", f"/environments/{self.name}/releases?limit=1").json()["items"]
        row: dict[str, Any] = items[0]["gateways"][0]
        return row

    def connected(self) -> bool:
        """Whether the agent is there, and not just expected back from a restart: its request is open."""
        metrics = httpx.get(f"{self.server.url}/metrics", trust_env=False, verify=False, timeout=30).text
        gateway = self.rest("GET", f"/environments/{self.name}/gateways/edge").json()
        return "trustyard_agents_connected 1.0" in metrics and any(node["connected"] for node in gateway["nodes"])


class Behind:
    """A gateway's program that an agent reloads: listening while it is entered."""

    commands: str  # what the agent's configuration says of it

    def __init__(self, command: Command, log: Path, port: int) -> None:
        self.command, self.log, self.port = command, log, port
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Behind:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        eventually(self._listens)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return bool(request(self.port))
        except OSError:
            return False


class Agent:
    """A `trustyard agent` in a process of its own, with the configuration that the bootstrap prints and `more`."""

    def __init__(self, place: Place, home: Path, more: str = "", *, anchors: str = "all") -> None:
        self.place = place
        self.folder = home / "agent"
        self.file = home / "agent.toml"
        self._log = home / "agent.log"
        self._anchors = anchors
        self._command = ("agent", "--config", str(self.file))
        self.process: loaded.Process | None = None
        self.configure(more)

    @contextlib.contextmanager
    def reloading(self, program: Behind, more: str = "") -> Iterator[None]:
        """Brings the first release, so that the program has files to start with, and from then on reloads it."""
        self.until(1)
        self.terminate()
        with program:
            self.configure(more + program.commands)
            self.start()
            eventually(self.place.connected)
            yield

    def configure(self, more: str = "", bootstrap: str | None = None) -> None:
        """Another local configuration, for the next start."""
        text = bootstrap or self.place.bootstrap()
        text = text.replace('"/var/lib/trustyard-agent"', json.dumps(str(self.folder)))
        text = text.replace('anchors = "all"', f'anchors = "{self._anchors}"\nnode = "host-1"')
        self.file.write_text(f"{text}\n{more}")
        self.file.chmod(0o600)

    def __enter__(self) -> Agent:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> Agent:
        with self._log.open("ab") as log:
            streams = loaded.NOTHING, log.fileno(), log.fileno()
            self.process = loaded.start(*self._command, env=dict(os.environ), cwd=self.folder.parent, streams=streams)
        return self

    def once(self) -> subprocess.CompletedProcess[str]:
        """Asks once and ends."""
        env, folder = dict(os.environ), self.folder.parent
        return loaded.run(*self._command, "--once", env=env, cwd=folder)

    def terminate(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)

    def kill(self) -> None:
        """SIGKILL, whatever it is doing."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait(10)

    def limit_files(self, size: int) -> None:
        """From now on no file that it writes may be larger (-1: as large as it likes)."""
        assert self.process is not None
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, -1))

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def release(self) -> int:
        """The number of the current release, which must be whole; 0 without one."""
        if not (self.folder / "current").exists():
            return 0
        found = folders.manifest((self.folder / "current").resolve())
        assert found is not None, "current is not whole"
        return int(found["release"])

    def used(self) -> list[bytes]:
        """DER of what `current/used.pem` holds."""
        found = x509.load_pem_x509_certificates((self.folder / "current" / "used.pem").read_bytes())
        return [one.public_bytes(Encoding.DER) for one in found]

    def until(self, number: int, seconds: float = 20) -> None:
        """Waits until this release is current."""
        eventually(lambda: self.release() == number, seconds)
