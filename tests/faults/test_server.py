"""Faults of the machine that Trustyard runs on: killed between sent and accepted, and a disk that takes no more."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.authority import Authority
from tests.faults.story import add, deploy, post, releases, said
from tests.live.envoy import REFUSED, Envoy, eventually, request
from tests.live.stage import Stage
from tests.programs import free_port
from tests.server.serving import Serving, run
from trustyard.gateways.folders import manifest

OTHER = Authority("Another CA")


@contextmanager
def asleep(envoy: Envoy) -> Iterator[None]:
    """An Envoy that reads nothing and answers nothing, though its connections stand."""
    assert envoy.process is not None
    envoy.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        envoy.process.send_signal(signal.SIGCONT)


def test_a_kill_between_sent_and_accepted_loses_nothing_and_claims_nothing(tmp_path: Path) -> None:
    """Envoy takes what was sent, its answer reaches nobody; what it reports to the next Trustyard is the receipt."""
    stage, xds = Stage(tmp_path), free_port()
    everybody = (stage.partner_cert, stage.stranger_cert)
    settings = {"XDS_LISTEN": f"127.0.0.1:{xds}"}
    server = Serving(tmp_path / "data", **settings)
    try:
        add(server, "envoy", {})
        config = run(
            server.data_dir, "gateway", "bootstrap", "test", "edge", "--listen", f"127.0.0.1:{free_port()}",
            "--cert", stage.own.written(tmp_path)[0], "--key", stage.own.written(tmp_path)[1],
            URL=server.url, TOKEN=server.token,
        ).stdout  # fmt: skip
        with Envoy(config, tmp_path) as envoy:
            deploy(server, "stranger", stage.stranger)
            assert [request(envoy.port(), one) for one in everybody] == [REFUSED, 200]
            with asleep(envoy):
                deploy(server, "partner", stage.partner, wait=0)
                eventually(lambda: said(server)["state"] == "sent")
                server.kill()
                server = Serving(tmp_path / "data", **settings)
                assert said(server)["state"] not in ("accepted", "observed"), "nobody has confirmed it"
            eventually(lambda: said(server)["state"] == "accepted")
            assert [request(envoy.port(), one) for one in everybody] == [200, 200]
    finally:
        server.kill()


@pytest.mark.sqlite
def test_while_no_write_succeeds_nothing_is_half_saved_and_afterwards_all_goes_on(tmp_path: Path) -> None:
    with Serving(tmp_path / "data") as serving:
        deploy(serving, "first", OTHER, gateway="files")
        folder = serving.data_dir / "environments" / "test" / "current"
        before = manifest(folder)
        pid = serving.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits[1]))
        refused = post(serving, "second", Authority("Second CA").pem)
        assert refused.status_code >= 500, refused.text
        assert manifest(folder) == before
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        assert [release["number"] for release in releases(serving)] == [1]
        assert deploy(serving, "second", Authority("Second CA"), gateway="files")["state"] == "accepted"
        after = manifest(folder)
        assert after is not None
        assert after["release"] == 2
        assert "each fits" in run(serving.data_dir, "audit", "verify").stdout
