"""SIGKILL at any moment of Save and Deploy: the old state or the new one, and what was stored is delivered."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.authority import Authority
from tests.databases import chosen
from tests.server.nodes import Nodes
from tests.server.serving import Serving, eventually, run
from trustyard.gateways.folders import manifest

pytestmark = pytest.mark.timeout(400)
MOMENTS = 50
IMPORTS, IMPORTED = 3, 300
IMPORT_SECONDS = 1.0  # about as long as the import takes
BEYOND = 1.5  # moments are chosen within so many times what a save takes, delivery included
PATIENCE = 60  # seconds; on PostgreSQL the job of a worker that died is done by another one after a while
PLACES = ("test", "production")


class Killed:
    """A server that is killed and starts anew; on PostgreSQL one of two, of which the other one goes on meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.settings = {"FILES_ROOTS": str(folder)}
        self._folder = folder
        self._nodes = Nodes(folder, **self.settings) if chosen() else None
        self._pool = ThreadPoolExecutor(1)
        self._token_of: list[Serving] = []
        self.server = self._start("a")
        assert self.server.token
        self._other: Future[Serving] | None = self._pool.submit(self._start, "b") if self._nodes else None
        if self._nodes:
            self.settings = self._nodes.settings

    def kill(self) -> None:
        """SIGKILL for the server; then `server` is one that can be asked, and is the next."""
        dead = self.server
        dead.kill()
        name = dead.data_dir.name
        if self._other:
            self.server, self._other = self._other.result(), self._pool.submit(self._start, name)
        else:
            self.server = self._start(name)

    def end(self) -> None:
        self.server.kill()
        if self._other:
            self._other.result().kill()
        self._pool.shutdown()

    def _start(self, name: str) -> Serving:
        if self._nodes:
            return self._nodes.start(name)
        server = Serving(self._folder / name, **self.settings)
        server.share_token(self._token_of)
        self._token_of.append(server)
        return server


@contextmanager
def killed(folder: Path) -> Iterator[Killed]:
    """With a gateway in each environment, whose folder all servers write to."""
    made = Killed(folder)
    try:
        with made.server.client() as client:
            for place in PLACES:
                path = f"/api/v1/environments/{place}"
                for address, change in ((path, {"root_set": "none"}), (f"{path}/gateways/files", None)):
                    headers = {"if-match": client.get(address).headers["etag"]}
                    method = "PATCH" if change else "DELETE"
                    client.request(method, address, json=change, headers=headers).raise_for_status()
                gateway = {"name": "edge", "kind": "files", "options": {"directory": str(folder / place)}}
                client.post(f"{path}/gateways", json=gateway).raise_for_status()
        yield made
    finally:
        made.end()


def _definition(name: str) -> dict[str, object]:
    source = {"kind": "paste", "encoding": "BASE64PEM", "content": Authority(name).pem}
    return {"name": name, "entries": [{"environments": PLACES, "alias": name, "source": source}], "deploy": True}


def _save(client: httpx.Client, name: str) -> None:
    with contextlib.suppress(httpx.TransportError):  # that is what a kill looks like from outside
        client.post("/api/v1/certificates", json=_definition(name))


def _current(folder: Path, place: str) -> tuple[int, str]:
    """Number and digest of the release that is whole in the folder of this environment."""
    found: dict[str, Any] = manifest(folder / place / "current") or {"release": 0, "digest": ""}
    return found["release"], found["digest"]


def _releases(client: httpx.Client, place: str) -> list[tuple[int, str]]:
    """Number and digest of what is stored, the newest first; before the first one a folder has nothing."""
    items = client.get(f"/api/v1/environments/{place}/releases?limit=500").json()["items"]
    return [*((one["number"], one["digest"]) for one in items), (0, "")]


def _is_saved(client: httpx.Client, folder: Path, name: str) -> bool:
    """All or nothing: the certificate with both entries, in both newest releases; or no trace. Answers which."""
    saved = client.get(f"/api/v1/certificates/{name}").status_code == 200
    for place in PLACES:
        path = f"/api/v1/environments/{place}/truststore?q={name}&origin=certificate"
        rows = [row for row in client.get(path).json()["items"] if row["alias"] == name]
        assert [row["pending"] for row in rows] == ([None] if saved else [])
        current = _current(folder, place)
        assert current in _releases(client, place), "something is in force that is not stored"
    return saved


def test_a_kill_at_any_moment_leaves_the_old_state_or_the_new_and_stored_releases_are_delivered(tmp_path: Path) -> None:
    """I-08."""
    seed = random.randrange(10**6)
    moments, outcomes = random.Random(seed), {}
    with killed(tmp_path) as place:
        with place.server.client() as client:
            client.get("/api/v1/environments")
            began = time.monotonic()
            _save(client, "unkilled")
            longest = BEYOND * (time.monotonic() - began)
        print(f"seed {seed}, moments within {longest:.2f} s")
        for number in range(MOMENTS):
            name = f"kill-{number}"
            with place.server.client() as client:
                client.get("/api/v1/environments")  # so that the connection stands
                saving = threading.Thread(target=_save, args=(client, name))
                saving.start()
                saving.join(longest * moments.random() ** 3)  # the commit comes early: look closest there
                place.kill()
                saving.join()
            with place.server.client() as client:
                outcomes[name] = _is_saved(client, tmp_path, name)
            longest *= 0.85 if outcomes[name] else 1.1  # on a machine as busy as it is now
        print(json.dumps(list(outcomes.values())))
        with place.server.client() as client:
            for where in PLACES:
                newest = _releases(client, where)[0]
                eventually(lambda where=where, newest=newest: _current(tmp_path, where) == newest, PATIENCE)
                held = {file.stem for file in (tmp_path / where / "current" / "aliases").glob("kill-*.pem")}
                assert held == {name for name, saved in outcomes.items() if saved}
        verified = run(place.server.data_dir, "audit", "verify", **place.settings)
    assert {True, False} == set(outcomes.values()), "no kill came before a commit, or none after one"
    assert "each fits" in verified.stdout


def _import(client: httpx.Client, pems: list[str]) -> None:
    body = {"environments": PLACES, "certificates": [{"pem": pem} for pem in pems], "deploy": True}
    with (
        contextlib.suppress(httpx.TransportError),
        client.stream(
            "POST", "/api/v1/certificates/import", json=body, headers={"Accept": "application/x-ndjson"}
        ) as r,
    ):
        for _ in r.iter_lines():
            pass


def test_a_kill_at_any_moment_of_an_import_leaves_all_of_it_or_nothing(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    moments, stored = random.Random(seed), 0
    authority, key = Authority("Import CA"), ec.generate_private_key(ec.SECP256R1())
    with killed(tmp_path) as place:
        for number in range(IMPORTS):
            pems = [authority.issue(f"{number}-{each}", key).pem for each in range(IMPORTED)]
            with place.server.client() as client:
                client.get("/api/v1/environments")
                importing = threading.Thread(target=_import, args=(client, pems))
                importing.start()
                importing.join(IMPORT_SECONDS * moments.random())
                place.kill()
                importing.join()
            with place.server.client() as client:
                now = client.get("/api/v1/certificates?limit=1").json()["total"]
                assert now in (stored, stored + IMPORTED)
                stored = now
                for where in PLACES:
                    path = f"/api/v1/environments/{where}/truststore?origin=certificate&limit=1"
                    assert client.get(path).json()["total"] == stored
        with place.server.client() as client:
            for where in PLACES:
                newest = _releases(client, where)[0]
                eventually(lambda where=where, newest=newest: _current(tmp_path, where) == newest, PATIENCE)
        assert "each fits" in run(place.server.data_dir, "audit", "verify", **place.settings).stdout
