"""A running system backed up under load and restored on the other database: a real Envoy goes on with its old token."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.authority import Authority
from tests.databases import Cluster
from tests.live.envoy import REFUSED, Envoy, binary, request
from tests.live.stage import Stage
from tests.programs import free_port
from tests.server.serving import Serving, eventually, run

pytestmark = pytest.mark.sqlite  # it brings both databases itself


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster().start()
    yield cluster
    cluster.remove()


class System:
    """A Trustyard on one of the two databases; xDS on a port that the next one has too."""

    def __init__(self, folder: Path, database: str, xds: int) -> None:
        folder.mkdir()
        self.data = folder / "data"
        self.settings = {"DATABASE_URL": database, "XDS_LISTEN": f"127.0.0.1:{xds}"}

    @contextmanager
    def serving(self) -> Iterator[Serving]:
        with Serving(self.data, **self.settings) as serving:
            self.settings["URL"] = serving.url
            if "TOKEN" not in self.settings:
                self.settings["TOKEN"] = self.run("token", "create", "tests", "--role", "admin").strip()
            yield serving

    def run(self, *words: str, code: int = 0) -> str:
        done = run(self.data, *words, code=code, **self.settings)
        return done.stderr if code else done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))

    def add(self, name: str, authority: Authority, *words: str) -> None:
        file = self.data.parent / f"{name}.pem"
        file.write_text(authority.pem)
        self.run("cert", "add", name, "--env", "test", "--alias", name, "--file", str(file), *words)

    def published(self) -> dict[str, Any]:
        """The folder of the gateway `files`: release, digests, and the JWKs, whose members have no order."""
        folder = self.data / "environments" / "test" / "current"
        if not folder.exists():
            return {}
        said = json.loads((folder / "manifest.json").read_bytes())
        alike = {name: said["files"].pop(name) for name in ("truststore.p12", "jwks.json")}  # salted; ordered otherwise
        assert all(alike.values())
        return {**said, "jwks": json.loads((folder / "jwks.json").read_bytes())}


@contextmanager
def load(system: System) -> Iterator[list[str]]:
    """Somebody who saves certificates all the time; the names of those that were answered as saved."""
    pem, saved, enough = Authority("Busy CA").pem, [], threading.Event()
    headers = {"Authorization": f"Bearer {system.settings['TOKEN']}"}

    def save() -> None:
        source = {"kind": "paste", "encoding": "BASE64PEM", "content": pem}
        with httpx.Client(base_url=system.settings["URL"], headers=headers, trust_env=False, timeout=30) as client:
            while not enough.is_set():
                name = f"busy-{len(saved)}"
                entries = [{"environment": "production", "alias": name, "source": source}]
                answer = client.post("/api/v1/certificates", json={"name": name, "entries": entries})
                assert answer.status_code == 201, answer.text
                saved.append(name)

    thread = threading.Thread(target=save)
    thread.start()
    try:
        yield saved
    finally:
        enough.set()
        thread.join()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("before", "after"), [("", "postgresql"), ("postgresql", "")], ids=["to-postgresql", "back"])
def test_a_backup_under_load_is_restored_on_the_other_database_and_a_real_envoy_goes_on(
    cluster: Cluster, tmp_path: Path, before: str, after: str
) -> None:
    """The same releases are in force, the gateway's old token opens, and the JWK is still the certificate's."""
    binary()
    stage, xds, name = Stage(tmp_path), free_port(), f"backup_{'old' if before else 'new'}"
    url = cluster.create(name)
    old = System(tmp_path / "old", url if before else "", xds)
    with old.serving():
        old.run("gateway", "add", "test", "edge", "--kind", "envoy")
        cert, key = stage.own.written(tmp_path)
        listen = ("--listen", f"127.0.0.1:{free_port()}", "--cert", cert, "--key", key)
        bootstrap = old.run("gateway", "bootstrap", "test", "edge", *listen)
        old.run("gateway", "add", "test", "gone", "--kind", "envoy")
        gone = old.run("gateway", "bootstrap", "test", "gone")
        old.run("gateway", "remove", "test", "gone", "--yes")
        old.add("partner", stage.partner, "--deploy")
        old.run("jwk", "add", "partner-key", "--certificate", "partner", "--env", "test", "--deploy")
        with Envoy(bootstrap, tmp_path) as envoy:
            assert request(envoy.port(), stage.partner_cert) == 200
        with load(old) as saved:
            eventually(lambda: len(saved) > 2)
            wrote = old.json("backup", "../copy.backup")
            made = len(saved)
            eventually(lambda: len(saved) > made)
        releases = old.json("release", "list", "test")["items"]
        published = old.published()
    assert (tmp_path / "copy.backup").stat().st_mode & 0o777 == 0o600
    assert wrote["rows"]["trustyard.certificate"] < len(saved) + 1, "what was saved after its moment is not in it"

    new = System(tmp_path / "new", "" if before else url, xds)
    new.settings["TOKEN"] = old.settings["TOKEN"]
    restored = new.json("restore", "../copy.backup")
    assert (restored["rows"], restored["secret_key"], restored["broken"]) == (wrote["rows"], True, "")
    assert "each fits" in new.run("audit", "verify")
    with new.serving(), Envoy(bootstrap, tmp_path) as envoy:
        port = envoy.port()
        assert eventually(lambda: request(port, stage.partner_cert) == 200)
        assert request(port, stage.stranger_cert) == REFUSED
        again = new.json("release", "list", "test")["items"]
        assert [row["digest"] for row in again] == [row["digest"] for row in releases]
        eventually(lambda: new.published() == published)
        # What was made of a certificate still asks when that is changed, and new things get new numbers.
        (tmp_path / "next.pem").write_text(stage.stranger.pem)
        change = ("cert", "edit", "partner", "--env", "test", "--file", str(tmp_path / "next.pem"))
        assert "partner-key" in new.run(*change, code=3)
        new.run(*change, "--jwks", "update", "--confirm", "partner", "--deploy")
        eventually(lambda: request(port, stage.stranger_cert) == 200)
        assert request(port, stage.partner_cert) == REFUSED
        new.run("gateway", "add", "test", "gone", "--kind", "envoy")
        assert new.run("gateway", "bootstrap", "test", "gone") != gone, "a token of a removed gateway opens nothing"
        (event,) = new.json("audit", "list", "--action", "backup.restore")["items"]
    assert event["object"] == "copy.backup"
    assert "each fits" in new.run("audit", "verify")
