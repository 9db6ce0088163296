"""HAProxy behind an agent: checked with `haproxy -c`, reloaded by its master, rolled back in HAProxy's own words."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.authority import Authority, Issued
from tests.live.envoy import REFUSED, eventually, request
from tests.programs import free_port, need
from tests.server.serving import Serving

from .agents import Agent, Place, commands

CONFIGURATION = """\
global
  ssl-default-bind-options no-tls-tickets
  tune.ssl.cachesize 0
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 5s
frontend mtls
  bind 127.0.0.1:{port} ssl crt {pair} ca-file {clients} verify required
  http-request return status 200
"""


class Haproxy:
    """A master with a worker; SIGUSR2 to the master is the reload."""

    def __init__(self, folder: Path, own: Issued, clients: Path) -> None:
        self.program = need("haproxy", package="haproxy")
        self.folder, self.port = folder, free_port()
        cert, key = (Path(path).read_text() for path in own.written(folder))
        (folder / "pair.pem").write_text(cert + key)
        self.configuration = folder / "haproxy.cfg"
        text = CONFIGURATION.format(port=self.port, pair=folder / "pair.pem", clients=clients)
        self.configuration.write_text(text)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def commands(self) -> str:
        """What the agent's configuration says of it; `systemctl reload haproxy` sends the same signal."""
        check = [self.program, "-c", "-f", str(self.configuration)]
        reload = ["sh", "-c", 'kill -USR2 "$(cat "$0")"', str(self.folder / "haproxy.pid")]
        return commands(check=check, reload=reload)

    def __enter__(self) -> Haproxy:
        command = [self.program, "-W", "-db", "-f", str(self.configuration), "-p", str(self.folder / "haproxy.pid")]
        with (self.folder / "haproxy.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        (self.folder / "haproxy.pid").write_text(str(self.process.pid))
        eventually(self._listens, seconds=15)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "haproxy.log").read_text()
        try:
            return bool(request(self.port))
        except OSError:
            return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    need("haproxy", package="haproxy")
    with Serving(tmp_path_factory.mktemp("haproxy") / "data") as serving:
        yield serving


def test_a_partner_is_let_in_and_kept_out_again_by_reload(server: Serving, tmp_path: Path) -> None:
    place = Place(server)
    one, two = Authority("Partner one"), Authority("Partner two")
    a, b = one.issue("client").written(tmp_path), two.issue("client").written(tmp_path)
    haproxy = Haproxy(tmp_path, one.issue("own"), tmp_path / "agent" / "current" / "used-roots.pem")
    place.trust("a", one, wait=0)
    with Agent(place, tmp_path, anchors="roots") as agent:
        agent.until(1)
        agent.terminate()
        with haproxy:
            agent.configure(haproxy.commands)
            agent.start()
            eventually(place.connected)
            assert (request(haproxy.port, a), request(haproxy.port, b)) == (200, REFUSED)
            assert place.trust("b", two)["state"] == "accepted"
            eventually(lambda: request(haproxy.port, b) == 200)
            assert place.distrust("a")["state"] == "accepted"
            eventually(lambda: request(haproxy.port, a) == REFUSED)
            assert request(haproxy.port, b) == 200
            assert place.distrust("b")["state"] == "accepted"
            eventually(lambda: request(haproxy.port, b) == REFUSED, why="D-17: nobody is trusted")


def test_what_haproxy_will_not_take_is_rolled_back_with_its_copy(server: Serving, tmp_path: Path) -> None:
    """The configuration may name a file of its own, which the agent copies to, and puts back."""
    place = Place(server)
    one, two = Authority("Partner one"), Authority("Partner two")
    a, b = one.issue("client").written(tmp_path), two.issue("client").written(tmp_path)
    clients = tmp_path / "clients.pem"
    haproxy = Haproxy(tmp_path, one.issue("own"), clients)
    copy = f'[[copy]]\nfrom = "used-roots.pem"\nto = "{clients}"\n'
    place.trust("a", one, wait=0)
    with Agent(place, tmp_path, copy, anchors="roots") as agent:
        agent.until(1)
        agent.terminate()
        with haproxy:
            agent.configure(copy + haproxy.commands)
            agent.start()
            eventually(place.connected)
            good = haproxy.configuration.read_text()
            haproxy.configuration.write_text(good + "  no-such-word\n")
            row = place.trust("b", two)
            assert row["state"] == "refused"
            assert "no-such-word" in row["detail"]
            assert clients.read_text() == one.pem
            assert (request(haproxy.port, a), request(haproxy.port, b)) == (200, REFUSED)
            haproxy.configuration.write_text(good)
            assert place.distrust("a")["state"] == "accepted"
            eventually(lambda: request(haproxy.port, b) == 200)
