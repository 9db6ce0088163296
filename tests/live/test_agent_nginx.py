"""nginx behind an agent: checked, reloaded without a lost request, rolled back in nginx's own words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.authority import Authority, Issued
from tests.live.envoy import client_context, eventually, request
from tests.live.nginx import temporary
from tests.programs import free_port, need
from tests.server.serving import Serving

from .agents import Agent, Behind, Place, commands

RELOADS = 20
CONFIGURATION = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
worker_processes 2;
events {{ worker_connections 256; }}
http {{
  access_log off;
  {temporary}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {cert}; ssl_certificate_key {key};
    ssl_client_certificate {clients}; ssl_verify_client on; ssl_verify_depth 4;
    location / {{ return 200 "hello\\n"; }}
  }}
}}
"""


class Nginx(Behind):
    """One nginx, started with the files of the current release."""

    def __init__(self, folder: Path, own: Issued, clients: str = "used-roots.pem") -> None:
        program, port = need("nginx", package="nginx-light"), free_port()
        configuration = folder / "nginx.conf"
        cert, key = own.written(folder)
        place = folder / "agent" / "current" / clients
        text = CONFIGURATION.format(
            folder=folder, temporary=temporary(folder), port=port, cert=cert, key=key, clients=place
        )
        configuration.write_text(text)
        command = [program, "-c", str(configuration)]
        super().__init__(command, folder / "error.log", port)
        # As the manual has it.
        self.commands = commands(check=[*command, "-t", "-q"], reload=[*command, "-s", "reload"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    need("nginx", package="nginx-light")
    with Serving(tmp_path_factory.mktemp("nginx") / "data") as serving:
        yield serving


@pytest.fixture(scope="module")
def partners() -> list[Authority]:
    return [Authority(f"Partner {number}") for number in range(3)]


def test_a_partner_is_let_in_and_kept_out_again_on_fresh_handshakes(
    server: Serving, partners: list[Authority], tmp_path: Path
) -> None:
    """nginx completes the handshake of a stranger and answers 400: the status is what counts."""
    place = Place(server)
    a, b = (partner.issue("client").written(tmp_path) for partner in partners[:2])
    nginx = Nginx(tmp_path, partners[0].issue("own"))
    place.trust("a", partners[0], wait=0)
    with Agent(place, tmp_path, anchors="roots") as agent, agent.reloading(nginx):
        assert (request(nginx.port, a), request(nginx.port, b), request(nginx.port)) == (200, 400, 400)
        assert place.trust("b", partners[1])["state"] == "accepted"
        eventually(lambda: request(nginx.port, b) == 200)
        row = place.distrust("a")
        assert (row["state"], row["detail"]) == ("accepted", "release 3 is current; check, reload passed")
        eventually(lambda: request(nginx.port, a) == 400)
        assert request(nginx.port, b) == 200
        assert place.distrust("b")["state"] == "accepted"
        eventually(lambda: request(nginx.port, b) == 400, why="D-17: a set with nobody in it lets nobody in")


@pytest.mark.timeout(90)
def test_an_agent_that_is_started_before_nginx_leaves_it_what_it_needs_to_start(
    server: Serving, partners: list[Authority], tmp_path: Path
) -> None:
    place = Place(server)
    nginx = Nginx(tmp_path, partners[0].issue("own"))
    place.trust("a", partners[0], wait=0)
    with Agent(place, tmp_path, nginx.commands, anchors="roots"):
        eventually(lambda: place.said()["state"] == "refused")
        assert "reload failed" in place.said()["detail"]
        assert "Release 1 stays on disk" in place.said()["detail"]
        with nginx:
            assert request(nginx.port, partners[0].issue("client").written(tmp_path)) == 200
            assert request(nginx.port) == 400
            eventually(lambda: place.said()["state"] == "accepted", seconds=40)
            assert place.said()["detail"] == "release 1 is current; check, reload passed"


@pytest.mark.timeout(90)
def test_nginx_can_be_started_although_a_file_of_somebody_s_own_is_where_a_copy_goes(
    server: Serving, partners: list[Authority], tmp_path: Path
) -> None:
    """It reads `current/` alone; the file is another program's, and stays until nginx took the release."""
    place = Place(server)
    nginx, other = Nginx(tmp_path, partners[0].issue("own")), tmp_path / "other.pem"
    other.write_text("what an administrator put here")
    copy = f'[[copy]]\nfrom = "used.pem"\nto = "{other}"\n'
    place.trust("a", partners[0], wait=0)
    with Agent(place, tmp_path, copy + nginx.commands, anchors="roots"):
        eventually(lambda: place.said()["state"] == "refused")
        assert f"Your own file stays at {other} until reload passes" in place.said()["detail"]
        assert other.read_text() == "what an administrator put here"
        with nginx:
            assert request(nginx.port, partners[0].issue("client").written(tmp_path)) == 200
            eventually(lambda: place.said()["state"] == "accepted", seconds=40)
            assert other.read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_no_request_is_lost_over_twenty_reloads_under_load(
    server: Serving, partners: list[Authority], tmp_path: Path
) -> None:
    place = Place(server)
    context = client_context(partners[0].issue("client").written(tmp_path))
    nginx = Nginx(tmp_path, partners[0].issue("own"))
    place.trust("a", partners[0], wait=0)
    with Agent(place, tmp_path, anchors="roots") as agent, agent.reloading(nginx):
        stop, statuses = threading.Event(), list[int | str]()

        def load() -> None:
            while not stop.is_set():
                statuses.append(request(nginx.port, context=context))

        clients = [threading.Thread(target=load) for _ in range(2)]
        for client in clients:
            client.start()
        rows = []
        try:
            for at in range(RELOADS):
                rows.append(place.distrust("b") if at % 2 else place.trust("b", partners[1]))
                # Two signals that nginx has not looked at are one.
                eventually(lambda at=at: nginx.log.read_text().count("signal 1 (SIGHUP)") == at + 1)  # type: ignore[misc]  # bound at once
        finally:
            stop.set()
            for client in clients:
                client.join(30)
    assert {(row["state"], row["detail"].partition("; ")[2]) for row in rows} == {("accepted", "check, reload passed")}
    print(f"{len(statuses)} requests, {RELOADS} reloads")
    assert len(statuses) > RELOADS
    assert set(statuses) == {200}


def test_what_nginx_will_not_take_is_rolled_back_in_nginx_s_words_and_a_restart_still_starts(
    server: Serving, partners: list[Authority], tmp_path: Path
) -> None:
    place = Place(server)
    nginx = Nginx(tmp_path, partners[0].issue("own"), clients="aliases/a.pem")
    a = partners[0].issue("client").written(tmp_path)
    place.trust("a", partners[0], wait=0)
    with Agent(place, tmp_path) as agent:
        with agent.reloading(nginx):
            place.trust("b", partners[1])
            row = place.distrust("a")
            assert row["state"] == "refused"
            assert "[emerg]" in row["detail"]
            assert "aliases/a.pem" in row["detail"]
            assert row["detail"].endswith("Rolled back to release 2.")
            assert request(nginx.port, a) == 200
        with nginx:
            assert request(nginx.port, a) == 200


def test_a_pin_is_left_out_of_what_nginx_loads_and_named(
    server: Serving, partners: list[Authority], tmp_path: Path
) -> None:
    """D-18."""
    place = Place(server)
    pin = Authority("Elsewhere").issue("pinned client")
    nginx = Nginx(tmp_path, partners[0].issue("own"))
    place.trust("a", partners[0], wait=0)
    with Agent(place, tmp_path, anchors="roots") as agent, agent.reloading(nginx):
        row = place.trust("pin", pin)
        assert row["state"] == "accepted"
        assert "pin is left out" in row["detail"]
        assert request(nginx.port, pin.written(tmp_path)) == 400
        assert request(nginx.port, partners[0].issue("client").written(tmp_path)) == 200
