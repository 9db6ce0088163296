"""SIGKILL at any moment of Save and Deploy: the old state or the new one, and what was stored is delivered."""

from __future__ import annotations

import contextlib
import json
import random
import threading
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from tests.authority import Authority
from tests.server.serving import Serving, eventually, run
from trustyard.gateways.folders import manifest

MOMENTS = 30
IMPORTS, IMPORTED = 5, 300
IMPORT_SECONDS = 1.0  # about as long as the import takes
SAVE_SECONDS = 0.12  # about as long as a Save and Deploy takes, delivery included


def _definition(name: str) -> dict[str, object]:
    source = {"kind": "paste", "encoding": "BASE64PEM", "content": Authority(name).pem}
    entries = [{"environments": ["test", "production"], "alias": name, "source": source}]
    return {"name": name, "entries": entries, "deploy": True}


def _save(client: httpx.Client, name: str) -> None:
    with contextlib.suppress(httpx.TransportError):  # that is what a kill looks like from outside
        client.post("/api/v1/certificates", json=_definition(name))


def _as_wanted(client: httpx.Client, data: Path, environment: str) -> bool:
    """Whether `current` is whole and is the newest release, where there is one."""
    newest = client.get(f"/api/v1/environments/{environment}/releases?limit=1").json()["items"]
    if not newest:
        return True
    found = manifest(data / "environments" / environment / "current")
    return found is not None and (found["release"], found["digest"]) == (newest[0]["number"], newest[0]["digest"])


def _check(client: httpx.Client, data: Path, name: str) -> bool:
    """All or nothing: the certificate with both entries, in both newest releases; or no trace. Answers which."""
    for environment in ("test", "production"):
        eventually(lambda environment=environment: _as_wanted(client, data, environment))
    saved = client.get(f"/api/v1/certificates/{name}").status_code == 200
    for environment in ("test", "production"):
        rows = client.get(f"/api/v1/environments/{environment}/truststore?q={name}&origin=certificate").json()["items"]
        assert [(row["alias"], row["pending"]) for row in rows] == ([(name, None)] if saved else [])
        used = data / "environments" / environment / "current" / "aliases" / f"{name}.pem"
        assert used.exists() is saved
    return saved


def test_a_kill_at_any_moment_leaves_the_old_state_or_the_new_and_stored_releases_are_delivered(tmp_path: Path) -> None:
    """I-08."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    moments, data = random.Random(seed), tmp_path / "data"
    outcomes = []
    server = Serving(data)
    try:
        token = server.token
        for number in range(MOMENTS):
            name = f"kill-{number}"
            with server.client() as client:
                client.get("/api/v1/environments")  # so that the connection stands
                saving = threading.Thread(target=_save, args=(client, name))
                saving.start()
                saving.join(SAVE_SECONDS * moments.random() ** 3)  # the commit comes early: look closest there
                server.kill()
                saving.join()
            server = Serving(data)
            server._token = token
            with server.client() as client:
                outcomes.append(_check(client, data, name))
    finally:
        server.kill()
    print(json.dumps(outcomes))
    assert True in outcomes, "no kill came after a commit: SAVE_SECONDS is too short"
    assert "each fits" in run(data, "audit", "verify").stdout


def _import(client: httpx.Client, pems: list[str]) -> None:
    body = {"environments": ["test", "production"], "certificates": [{"pem": pem} for pem in pems], "deploy": True}
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
    moments, data = random.Random(seed), tmp_path / "data"
    authority, key = Authority("Import CA"), ec.generate_private_key(ec.SECP256R1())
    stored, server = 0, Serving(data)
    try:
        token = server.token
        for number in range(IMPORTS):
            pems = [authority.issue(f"{number}-{each}", key).pem for each in range(IMPORTED)]
            with server.client() as client:
                client.get("/api/v1/environments")
                importing = threading.Thread(target=_import, args=(client, pems))
                importing.start()
                importing.join(IMPORT_SECONDS * moments.random())
                server.kill()
                importing.join()
            server = Serving(data)
            server._token = token
            with server.client() as client:
                now = client.get("/api/v1/certificates?limit=1").json()["total"]
                assert now in (stored, stored + IMPORTED)
                stored = now
                for environment in ("test", "production"):
                    eventually(lambda environment=environment: _as_wanted(client, data, environment))
                    rows = client.get(
                        f"/api/v1/environments/{environment}/truststore?origin=certificate&limit=1"
                    ).json()
                    assert rows["total"] == stored
    finally:
        server.kill()
    assert "each fits" in run(data, "audit", "verify").stdout
