"""A whole Trustyard and a real Envoy: killed, started again, and what the gateway's report is worth then."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.authority import Authority
from tests.databases import settings_of
from tests.live.envoy import REFUSED, Envoy, binary, eventually, request
from tests.live.stage import Stage
from tests.programs import free_port
from tests.server import loaded


class Serve:
    """`trustyard serve` on ports that stay the same over restarts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.xds = free_port(), free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRUSTYARD_", "DJANGO_"))}
        self.environ = (
            kept
            | settings_of(folder / "data")
            | {
                "TRUSTYARD_DATA_DIR": str(folder / "data"),
                "TRUSTYARD_LISTEN": f"127.0.0.1:{self.port}",
                "TRUSTYARD_XDS_LISTEN": f"127.0.0.1:{self.xds}",
                "TRUSTYARD_URL": f"http://127.0.0.1:{self.port}",
            }
        )
        self.process: loaded.Process | None = None

    def start(self) -> None:
        with (self.folder / "serve.log").open("ab") as log:
            streams = loaded.NOTHING, log.fileno(), log.fileno()
            self.process = loaded.start("serve", env=self.environ, cwd=self.folder, streams=streams)
        eventually(self._ready, seconds=30)

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "serve.log").read_text()[-3000:]
        try:
            return httpx.get(f"{self.environ['TRUSTYARD_URL']}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(10)

    def run(self, *words: str) -> str:
        ended = loaded.run(*words, env=self.environ, cwd=self.folder)
        assert ended.returncode == 0, f"{words}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def edge(self) -> dict[str, Any]:
        """What the nodes of the gateway `edge` said of the newest release of `test`."""
        releases = json.loads(self.run("release", "list", "test", "--json"))["items"]
        rows = [row for row in releases[0]["gateways"] if row["gateway"] == "edge"]
        return dict(rows[0]) if rows else {}


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    binary()
    serve = Serve(tmp_path)
    serve.start()
    serve.environ["TRUSTYARD_TOKEN"] = serve.run("token", "create", "tests", "--role", "admin").strip()
    yield serve
    if serve.process is not None and serve.process.poll() is None:
        serve.end(signal.SIGKILL)


def add(serve: Serve, name: str, authority: Authority) -> None:
    file = serve.folder / f"{name}.pem"
    file.write_text(authority.pem)
    serve.run("cert", "add", name, "--env", "test", "--alias", name, "--file", str(file), "--deploy")


@pytest.mark.timeout(120)
def test_a_killed_trustyard_costs_the_gateway_nothing_and_knows_afterwards_what_it_runs(
    serve: Serve, tmp_path: Path
) -> None:
    """I-08, D-06: what was stored is delivered after the restart, and nothing is sent twice."""
    stage = Stage(tmp_path)
    serve.run("gateway", "add", "test", "edge", "--kind", "envoy")
    cert, key = stage.own.written(tmp_path)
    printed = serve.run(
        "gateway", "bootstrap", "test", "edge", "--listen", f"127.0.0.1:{free_port()}", "--cert", cert, "--key", key
    )
    with Envoy(printed, tmp_path) as envoy:
        port = envoy.port()
        assert request(port, stage.partner_cert) == REFUSED
        add(serve, "partner", stage.partner)
        assert (serve.edge()["state"], request(port, stage.partner_cert)) == ("accepted", 200)
        updates = envoy.stat("sds.used.update_success")

        serve.end(signal.SIGKILL)
        eventually(lambda: envoy.stat("control_plane.connected_state") == 0)
        assert request(port, stage.partner_cert) == 200
        serve.start()
        eventually(lambda: envoy.stat("control_plane.connected_state") == 1)
        eventually(lambda: serve.edge()["state"] == "accepted")
        assert envoy.stat("sds.used.update_success") == updates

        add(serve, "stranger", stage.stranger)
        assert serve.edge()["state"] == "accepted"
        assert request(port, stage.stranger_cert) == request(port, stage.partner_cert) == 200
        assert serve.end(signal.SIGTERM) == 0
