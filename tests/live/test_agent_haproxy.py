"""HAProxy behind an agent: checked with `haproxy -c`, reloaded by its master, rolled back in HAProxy's own words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.authority import Authority, Issued
from tests.live.envoy import REFUSED, eventually, request
from tests.programs import free_port, need
from tests.server.serving import Serving

from .agents import Agent, Behind, Place, commands

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


class Haproxy(Behind):
    """A master with a worker; SIGUSR2 to the master is the reload."""

    def __init__(self, folder: Path, own: Issued, clients: Path) -> None:
        program, port = need("haproxy", package="haproxy"), free_port()
        cert, key = (Path(path).read_text() for path in own.written(folder))
        (folder / "pair.pem").write_text(cert + key)
        self.configuration, pid = folder / "haproxy.cfg", str(folder / "haproxy.pid")
        self.configuration.write_text(CONFIGURATION.format(port=port, pair=folder / "pair.pem", clients=clients))
        named = ["-f", str(self.configuration)]
        super().__init__([program, "-W", "-db", *named, "-p", pid], folder / "haproxy.log", port)
        # `systemctl reload haproxy` sends the same signal.
        reload = ["sh", "-c", 'kill -USR2 "$(cat "$0")"', pid]
        self.commands = commands(check=[program, "-c", *named], reload=reload)


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
    with Agent(place, tmp_path, anchors="roots") as agent, agent.reloading(haproxy):
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
    with Agent(place, tmp_path, copy, anchors="roots") as agent, agent.reloading(haproxy, copy):
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
