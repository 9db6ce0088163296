"""Save and Deploy from a running Trustyard to a running HAProxy, and back again."""

from __future__ import annotations

from pathlib import Path

from tests.authority import Authority
from tests.live.envoy import REFUSED, request
from tests.live.haproxy import HAProxy
from tests.server.serving import Serving, run
from trustyard.pki.certificates import pem


def test_save_and_deploy_reaches_haproxy_and_outlives_restarts_of_both_sides(tmp_path: Path) -> None:
    partner = Authority("Partner CA")
    client = partner.issue("client").written(tmp_path)
    (tmp_path / "partner.pem").write_text(pem(partner.der))
    with HAProxy(tmp_path) as haproxy:
        with Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path)) as serving:
            said = _cli(serving, "gateway", "add", "test", "edge", "--kind", "haproxy", *_options(haproxy))
            assert "edge" in said
            assert request(haproxy.port, client) == REFUSED
            said = _cli(
                serving, "cert", "add", "partner", "--env", "test", "--alias", "p", "--file",
                str(tmp_path / "partner.pem"), "--deploy",
            )  # fmt: skip
            assert "release 1 committed, 1 certificate read back" in said
            assert request(haproxy.port, client) == 200
        haproxy.stop()
        haproxy.start()
        assert request(haproxy.port, client) == 200
        with Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path)) as serving:
            assert "accepted" in _cli(serving, "cert", "revoke", "partner", "--env", "test", "--reason", "left")
            assert request(haproxy.port, client) == REFUSED


def test_a_socket_or_a_file_outside_the_open_folders_is_refused(tmp_path: Path) -> None:
    with Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path / "open")) as serving:
        options = ["--option", f"socket={tmp_path}/admin.sock", "--option", f"ca_file={tmp_path}/open/clients.pem"]
        said = _cli(serving, "gateway", "add", "test", "edge", "--kind", "haproxy", *options, code=1)
        assert "does not lie under a folder of TRUSTYARD_FILES_ROOTS" in said
        options = ["--option", "socket=192.0.2.7:9999", "--option", f"ca_file={tmp_path}/open/clients.pem"]
        assert "on loopback only" in _cli(
            serving, "gateway", "add", "test", "edge", "--kind", "haproxy", *options, code=1
        )


def _options(haproxy: HAProxy) -> list[str]:
    return [word for name, value in haproxy.options.items() for word in ("--option", f"{name}={value}")]


def _cli(serving: Serving, *words: str, code: int = 0) -> str:
    """What a client command prints, on both streams."""
    done = run(serving.data_dir, *words, code=code, URL=serving.url, TOKEN=serving.token)
    return done.stdout + done.stderr
