"""A release restored for real: the old files are back in the folder, a real Envoy trusts as it did then."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.authority import Authority
from tests.cast import Stage as Server
from tests.live.envoy import REFUSED, Envoy, request
from tests.live.stage import Stage
from tests.programs import free_port
from tests.server.serving import Serving

Unique = Callable[[str], str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of these tests' own; the stage of this folder is another one."""
    with Serving(tmp_path_factory.mktemp("restore") / "data") as serving:
        yield Server(serving)


def add(server: Server, name: str, place: str, authority: Authority, folder: Path) -> None:
    file = folder / f"{name}.pem"
    file.write_text(authority.pem)
    done = server.cli("cert", "add", name, "--env", place, "--alias", name, "--file", str(file), "--deploy")
    assert done.returncode == 0, done.stderr


def current(server: Server, place: str) -> dict[str, bytes]:
    """The files that are in force, without the manifest and the salted PKCS#12."""
    folder = server.data_dir / "environments" / place / "current"
    names = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    salted = ("truststore.p12", "truststore.jks", "manifest.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in names if path.name not in salted}


def test_restoring_brings_the_old_files_back_byte_for_byte(server: Server, unique: Unique, tmp_path: Path) -> None:
    """D-22."""
    place, one, two = unique("place"), unique("one"), unique("two")
    assert server.cli("env", "add", place).returncode == 0
    assert server.cli("gateway", "add", place, "files", "--kind", "files").returncode == 0
    add(server, one, place, Authority("One CA"), tmp_path)
    old = current(server, place)
    add(server, two, place, Authority("Two CA"), tmp_path)
    assert current(server, place) != old
    restored = server.cli("release", "restore", place, "1", "--json")
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["restored_from"] == 1
    assert current(server, place) == old
    manifest = json.loads((server.data_dir / "environments" / place / "current" / "manifest.json").read_bytes())
    assert manifest["release"] == 3
    refused = server.cli("release", "deploy", place)
    assert (refused.returncode, two in refused.stderr) == (3, True)
    assert current(server, place) == old, "nothing is sent before the answer"
    assert server.cli("release", "deploy", place, "--confirm-restored").returncode == 0
    assert f"aliases/{two}.pem" in current(server, place)


@pytest.mark.timeout(120)
def test_a_real_envoy_trusts_as_it_did_then(server: Server, unique: Unique, tmp_path: Path) -> None:
    """D-22: whoever came with a later release is out again at once."""
    place, first, second = unique("place"), unique("first"), unique("second")
    stage = Stage(tmp_path)
    assert server.cli("env", "add", place).returncode == 0
    assert server.cli("gateway", "add", place, "edge", "--kind", "envoy").returncode == 0
    cert, key = stage.own.written(tmp_path)
    listen = f"127.0.0.1:{free_port()}"
    printed = server.cli("gateway", "bootstrap", place, "edge", "--listen", listen, "--cert", cert, "--key", key)
    with Envoy(printed.stdout, tmp_path) as envoy:
        port = envoy.port()
        add(server, first, place, stage.partner, tmp_path)
        add(server, second, place, stage.stranger, tmp_path)
        assert request(port, stage.partner_cert) == request(port, stage.stranger_cert) == 200
        done = server.cli("release", "restore", place, "1", "--json")
        (node,) = json.loads(done.stdout)["deployment"]["environments"][0]["gateways"]
        assert node["state"] == "accepted"
        assert (request(port, stage.partner_cert), request(port, stage.stranger_cert)) == (200, REFUSED)
