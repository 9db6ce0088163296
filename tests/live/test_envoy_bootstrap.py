"""The configuration that `gateway bootstrap` prints, in a real Envoy: valid, and running as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.authority import Authority
from tests.live.envoy import REFUSED, Envoy, binary, eventually, request
from tests.live.stage import Stage
from tests.live.test_envoy_delivery import settled
from tests.programs import free_port
from tests.xds.memory import ControlPlane
from trustyard.gateways.envoy.bootstrap import bootstrap


@pytest.mark.parametrize("mode", ["delta", "sotw"])
@pytest.mark.parametrize(
    ("environment", "gateway", "options"),
    [
        ("test", "edge", {}),
        ("test", "edge", {"listen": "127.0.0.1:0"}),
        ("test", "edge", {"listen": "[::1]:0", "trust": "alias/Şirket A.Ş."}),
        ('üretim: # "1"', "kapı 'bir'", {"listen": ":0", "trust": "truststore"}),
    ],
)
def test_envoy_finds_it_valid(
    stage: Stage, tmp_path: Path, environment: str, gateway: str, options: dict[str, Any], mode: str
) -> None:
    if "listen" in options:
        options = options | dict(zip(("cert", "key"), stage.own.written(stage.folder), strict=True))
    for url, tls in (("127.0.0.1:8401", False), ("[::1]:8401", False), ("https://trustyard.test:8401", False)):
        text = bootstrap(environment, gateway, "token", url, tls=tls, mode=mode, ca=stage.partner.pem, **options)
        file = tmp_path / "envoy.yaml"
        file.write_text(text)
        command = [binary(), "--mode", "validate", "-c", str(file), "--disable-hot-restart"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr[-2000:]


def test_without_a_listener_it_runs_and_opens_its_stream(stage: Stage) -> None:
    with ControlPlane() as plane:
        text = bootstrap("test", "edge", plane.store.add(), f"127.0.0.1:{plane.port}", tls=False)
        with Envoy(text, stage.folder) as envoy:
            eventually(lambda: envoy.stat("control_plane.connected_state") == 1)
            eventually(lambda: envoy.ask("/ready").strip() == "LIVE")


def test_a_name_with_an_ipv6_address_that_nobody_listens_at_is_tried_under_its_other_one(stage: Stage) -> None:
    """`localhost` is both to Envoy (RFC 6761, section 6.3), and the server listens on 127.0.0.1 alone."""
    listener = dict(zip(("cert", "key"), stage.own.written(stage.folder), strict=True))
    with ControlPlane() as plane:
        plane.store.release({"acme": stage.partner.der})
        listen = f"127.0.0.1:{free_port()}"
        url = f"localhost:{plane.port}"
        text = bootstrap("test", "edge", plane.store.add(), url, tls=False, listen=listen, **listener)
        with Envoy(text, stage.folder) as envoy:
            settled(plane)
            assert request(envoy.port(), stage.partner_cert) == 200


@pytest.mark.parametrize("token", ["", "wrong"])
def test_without_the_right_token_nothing_is_served(stage: Stage, token: str) -> None:
    with ControlPlane() as plane:
        plane.store.add()
        plane.store.release({"acme": stage.partner.der})
        with stage.envoy(plane.port, token) as envoy:
            eventually(lambda: "This is not the token of a gateway." in envoy.log())
            assert not plane.store.nodes


def test_a_token_under_another_gateways_name_serves_nothing(stage: Stage) -> None:
    with ControlPlane() as plane:
        token = plane.store.add("edge")
        plane.store.release({"acme": stage.partner.der})
        with stage.envoy(plane.port, token, gateway="other") as envoy:
            eventually(lambda: "belongs to the gateway test/edge, but node.cluster says test/other" in envoy.log())
            assert not plane.store.nodes


@pytest.mark.parametrize("mode", ["delta", "sotw"])
def test_over_tls_envoy_looks_whom_it_speaks_to(stage: Stage, tmp_path: Path, mode: str) -> None:
    """TRUSTYARD_XDS_CERT and _KEY: the anchor is the last certificate of that file, inline."""
    authority = Authority("xDS CA")
    own = authority.issue("xDS")
    cert, key = tmp_path / "xds.pem", tmp_path / "xds.key"
    cert.write_text(own.pem + authority.pem)
    key.write_bytes(Path(own.written(tmp_path)[1]).read_bytes())
    listener = dict(zip(("cert", "key"), stage.own.written(stage.folder), strict=True))
    with ControlPlane(tls=(cert, key)) as plane:
        token = plane.store.add()
        plane.store.release({"acme": stage.partner.der})

        def printed(ca: str) -> str:
            listen = f"127.0.0.1:{free_port()}"
            url = f"127.0.0.1:{plane.port}"
            return bootstrap("test", "edge", token, url, tls=True, ca=ca, mode=mode, listen=listen, **listener)

        with Envoy(printed(stage.stranger.pem), tmp_path) as fooled:
            eventually(lambda: fooled.stat("cluster.trustyard.ssl.fail_verify_error") > 0)
            assert not plane.store.nodes
        with Envoy(printed(cert.read_text()), tmp_path) as envoy:
            settled(plane)
            assert request(envoy.port(), stage.partner_cert) == 200
            assert request(envoy.port(), stage.stranger_cert) == REFUSED
            # The certificate is renewed under the running server; the next connection meets the new one.
            renewed = authority.issue("xDS, renewed")
            cert.write_text(renewed.pem + authority.pem)
            key.write_bytes(Path(renewed.written(tmp_path)[1]).read_bytes())
        with Envoy(printed(authority.pem), tmp_path) as envoy:
            settled(plane)
            assert request(envoy.port(), stage.partner_cert) == 200
