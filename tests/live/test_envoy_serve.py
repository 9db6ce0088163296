"""A whole Trustyard and a real Envoy: killed, started again, and what the gateway's report is worth then."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.authority import Authority
from tests.live.envoy import REFUSED, Envoy, binary, eventually, request
from tests.live.stage import Stage
from tests.programs import free_port
from tests.server.serving import Serving, run


def said(serving: Serving, *words: str) -> str:
    """What a client command prints."""
    return run(serving.data_dir, *words, URL=serving.url, TOKEN=serving.token).stdout


def edge(serving: Serving) -> dict[str, Any]:
    """What the nodes of the gateway `edge` said of the newest release of `test`."""
    releases = json.loads(said(serving, "release", "list", "test", "--json"))["items"]
    rows = [row for row in releases[0]["gateways"] if row["gateway"] == "edge"]
    return dict(rows[0]) if rows else {}


def add(serving: Serving, name: str, authority: Authority) -> None:
    file = serving.data_dir.parent / f"{name}.pem"
    file.write_text(authority.pem)
    said(serving, "cert", "add", name, "--env", "test", "--alias", name, "--file", str(file), "--deploy")


@pytest.mark.timeout(120)
def test_a_killed_trustyard_costs_the_gateway_nothing_and_knows_afterwards_what_it_runs(tmp_path: Path) -> None:
    """I-08, D-06: what was stored is delivered after the restart, and nothing is sent twice."""
    binary()
    stage, data, xds = Stage(tmp_path), tmp_path / "data", f"127.0.0.1:{free_port()}"
    with Serving(data, XDS_LISTEN=xds) as before:
        said(before, "gateway", "add", "test", "edge", "--kind", "envoy")
        cert, key = stage.own.written(tmp_path)
        listen = ("--listen", f"127.0.0.1:{free_port()}", "--cert", cert, "--key", key)
        with Envoy(said(before, "gateway", "bootstrap", "test", "edge", *listen), tmp_path) as envoy:
            port = envoy.port()
            assert request(port, stage.partner_cert) == REFUSED
            add(before, "partner", stage.partner)
            assert (edge(before)["state"], request(port, stage.partner_cert)) == ("accepted", 200)
            updates = envoy.stat("sds.used.update_success")

            before.kill()
            eventually(lambda: envoy.stat("control_plane.connected_state") == 0)
            assert request(port, stage.partner_cert) == 200
            with Serving(data, XDS_LISTEN=xds) as after:
                eventually(lambda: envoy.stat("control_plane.connected_state") == 1)
                eventually(lambda: edge(after)["state"] == "accepted")
                assert envoy.stat("sds.used.update_success") == updates

                add(after, "stranger", stage.stranger)
                assert edge(after)["state"] == "accepted"
                assert request(port, stage.stranger_cert) == request(port, stage.partner_cert) == 200
                assert after.terminate() == 0


@pytest.mark.timeout(120)
def test_the_log_says_why_an_envoy_is_refused_and_not_at_each_of_its_tries(tmp_path: Path) -> None:
    """Of its own log an operator of Trustyard sees nothing."""
    binary()
    cert, key = Stage(tmp_path).own.written(tmp_path)
    with Serving(tmp_path / "data") as serving:
        said(serving, "gateway", "add", "test", "edge", "--kind", "envoy")
        listen = ("--listen", f"127.0.0.1:{free_port()}", "--cert", cert, "--key", key)
        before = said(serving, "gateway", "bootstrap", "test", "edge", *listen)
        said(serving, "gateway", "rotate", "test", "edge", "--yes")
        with Envoy(before, tmp_path) as envoy:
            eventually(lambda: envoy.log().count("This is not the token of a gateway.") > 2)
        lines = [json.loads(line) for line in serving.log if "xds.refused" in line]
        token = re.search(r"Bearer (\S+?)\"?$", before, re.MULTILINE)
        assert token
        assert not any(token[1] in line for line in serving.log)
    [line] = lines
    assert line["reason"] == "The token of test/edge was rotated: give it the new bootstrap."
    assert (line["address"], line["cluster"], line["level"]) == ("127.0.0.1", "test/edge", "warning")
    assert line["node"]
