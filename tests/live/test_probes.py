"""Trustyard looks at what it has deployed: observed, drifted and mended, and an open door is an alarm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.authority import Authority
from tests.live.envoy import Envoy, eventually, request
from tests.live.haproxy import HAProxy
from tests.live.nginx import Nginx
from tests.live.stage import Stage
from tests.programs import free_port
from tests.server.serving import Serving, run
from trustyard.pki.certificates import pem

PARTNER, OTHER = Authority("Partner CA"), Authority("Other CA")


def add(serving: Serving, kind: str, options: dict[str, Any]) -> None:
    """Adds a gateway."""
    with serving.client() as client:
        body = {"name": "edge", "kind": kind, "options": options}
        client.post("/api/v1/environments/test/gateways", json=body).raise_for_status()


def deploy(serving: Serving, alias: str, der: bytes) -> None:
    """Takes a certificate in and deploys it."""
    source = {"kind": "paste", "encoding": "BASE64PEM", "content": pem(der)}
    body = {"name": alias, "entries": [{"environment": "test", "alias": alias, "source": source}], "deploy": True}
    with serving.client() as client:
        client.post("/api/v1/certificates", json=body).raise_for_status()


def row(serving: Serving) -> dict[str, Any]:
    """The gateway's line of the newest release."""
    with serving.client() as client:
        release = client.get("/api/v1/environments/test/releases").json()["items"][0]
    return next(one for one in release["gateways"] if one["gateway"] == "edge")


def becomes(serving: Serving, state: str) -> str:
    """What was seen when the gateway's node came to this state."""
    eventually(lambda: row(serving)["state"] == state, seconds=30, why=f"it does not become {state}")
    return str(row(serving)["proof"])


def test_a_release_is_observed_drifts_until_the_program_reloads_and_is_observed_again(tmp_path: Path) -> None:
    nginx = Nginx(tmp_path)
    with Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path)) as serving:
        probes = [{"address": f"127.0.0.1:{nginx.port}"}]
        add(serving, "files", {"directory": str(tmp_path / "trust"), "probes": probes})
        deploy(serving, "a", PARTNER.der)
        nginx.ca_file.unlink()
        nginx.ca_file.symlink_to(tmp_path / "trust" / "current" / "used.pem")
        with nginx:
            assert becomes(serving, "observed") == "1 CA name advertised, that of release 1; a stranger was refused."
            deploy(serving, "b", OTHER.der)
            assert becomes(serving, "drifted") == "The listener does not serve release 2: it lacks Other CA."
            nginx.reload()
            assert becomes(serving, "observed").startswith("2 CA names advertised, those of release 2")
        with serving.client() as rest:
            events = rest.get("/api/v1/audit", params={"action": "gateway.observe"}).json()["items"]
        assert [event["after"]["state"] for event in events] == ["observed", "drifted"]


def test_an_envoy_that_was_given_a_release_is_observed(tmp_path: Path) -> None:
    with Serving(tmp_path / "data") as serving:
        stage = Stage(tmp_path)
        listen = free_port()
        probes = [{"address": f"127.0.0.1:{listen}"}]
        add(serving, "envoy", {"probes": probes})
        config = run(
            serving.data_dir, "gateway", "bootstrap", "test", "edge", "--listen", f"127.0.0.1:{listen}",
            "--cert", stage.own.written(tmp_path)[0], "--key", stage.own.written(tmp_path)[1],
            URL=serving.url, TOKEN=serving.token,
        ).stdout  # fmt: skip
        with Envoy(config, tmp_path):
            deploy(serving, "a", PARTNER.der)
            assert "a stranger was refused" in becomes(serving, "observed")


def test_what_somebody_else_commits_to_haproxy_while_trustyard_is_away_is_read_back_and_mended(tmp_path: Path) -> None:
    """Its listener advertises the names of its start: what it lists over the Runtime API is the better proof."""
    client = PARTNER.issue("client").written(tmp_path)
    with HAProxy(tmp_path) as haproxy:
        with Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path)) as serving:
            add(serving, "haproxy", {**haproxy.options, "probes": [{"address": f"127.0.0.1:{haproxy.port}"}]})
            deploy(serving, "p", PARTNER.der)
            eventually(lambda: "they prove nothing" in row(serving)["proof"])
            assert row(serving)["state"] == "accepted"
        haproxy.said(f"set ssl ca-file {haproxy.ca_file} <<\n{OTHER.pem}")
        haproxy.said(f"commit ssl ca-file {haproxy.ca_file}")
        assert request(haproxy.port, client) != 200
        with Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path)) as serving:
            eventually(lambda: request(haproxy.port, client) == 200)
            eventually(lambda: "again, for other certificates were in force" in row(serving)["detail"])


def test_a_door_that_lets_anybody_in_is_an_alarm(tmp_path: Path) -> None:
    haproxy = HAProxy(tmp_path, verify="optional")
    with haproxy, Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path)) as serving:
        add(serving, "haproxy", {**haproxy.options, "probes": [{"address": f"127.0.0.1:{haproxy.port}"}]})
        deploy(serving, "p", PARTNER.der)
        assert "Anybody gets in" in becomes(serving, "open")
        eventually(lambda: any("probe.alarm" in line for line in serving.log))
