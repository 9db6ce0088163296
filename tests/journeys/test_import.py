"""A bulk import against a real server: through the command line, with progress, and whoever goes away meanwhile."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.authority import Authority
from tests.databases import chosen, opened
from tests.journeys.command_line import CommandLine
from tests.server.serving import Serving, eventually

COUNT = 300
BAD = "-----BEGIN CERTIFICATE-----\nMIIB cut!\n-----END CERTIFICATE-----\n"
IMPORT = "/api/v1/certificates/import"
LINES = {"Accept": "application/x-ndjson"}


def certificates(count: int = COUNT) -> list[str]:
    """PEM of so many, of one key."""
    authority, key = Authority("Import CA"), ec.generate_private_key(ec.SECP256R1())
    return [authority.issue(f"partner {number}", key).pem for number in range(count)]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Serving]:
    """A server whose database nobody else uses."""
    with Serving(tmp_path / "data") as server:
        yield server


@pytest.fixture
def trustyard(own: Serving, tmp_path: Path) -> CommandLine:
    return CommandLine(own.url, own.token, tmp_path)


@contextmanager
def database_locked(server: Serving) -> Iterator[None]:
    """Until the end nobody else can write."""
    with opened(server.data_dir) as other:
        if chosen():
            other.execute("BEGIN")
            other.execute("LOCK TABLE trustyard_certificate IN EXCLUSIVE MODE")
        else:
            other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def total(client: httpx.Client) -> int:
    return int(client.get("/api/v1/certificates?limit=1").json()["total"])


def test_three_hundred_in_one_command_with_the_bad_one_named(trustyard: CommandLine, tmp_path: Path) -> None:
    pems = certificates()
    folder = tmp_path / "partners"
    folder.mkdir()
    (folder / "bundle.pem").write_text("".join([*pems[:100], BAD, *pems[101:]]))
    (folder / "acme.pem").write_text(pems[100])
    done = trustyard("cert", "import", "partners", "--env", "test,production", "--deploy")
    assert f"Stored {COUNT} in test, production, 0 were there already." in done.text
    assert "partners/bundle.pem, certificate 101" in done.err
    assert "Deployment" not in done.err
    rows = trustyard("truststore", "list", "production", "--json").json["items"]
    own = [row for row in rows if row["origin"] == "certificate"]
    assert (len(own), {row["pending"] for row in own}) == (COUNT, {None})
    assert trustyard("cert", "show", "acme", "--json").json["entries"][0]["certificate_name"] == "partner 100"
    again = trustyard("cert", "import", "partners", "--env", "production,test", "--json").json
    assert (again["stored"], len(again["left_out"])) == (0, COUNT + 1)
    (folder / "acme.pem").write_text(BAD)
    trustyard("cert", "import", "partners/acme.pem", "--env", "test", code=1)


def test_the_same_command_goes_on_where_a_killed_server_ended_it(tmp_path: Path) -> None:
    folder = tmp_path / "partners"
    folder.mkdir()
    for number, pem in enumerate(certificates()):
        (folder / f"partner-{number}.pem").write_text(pem)
    words = ["cert", "import", "partners", "--env", "test", "--batch", "30"]
    with Serving(tmp_path / "data") as server:
        trustyard = CommandLine(server.url, server.token, tmp_path)
        with subprocess.Popen(
            ["trustyard", *words], stderr=subprocess.PIPE, env=trustyard.environment, cwd=tmp_path, text=True
        ) as process:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("Batch 1: stored 30")
            server.kill()
            said = process.stderr.read()
    assert process.returncode == 1
    assert "The same command again goes on from there" in said
    with Serving(tmp_path / "data") as server:
        trustyard = CommandLine(server.url, trustyard.token, tmp_path)
        again = trustyard(*words, "--json").json
        with server.client() as client:
            assert total(client) == COUNT, "each once"
    there = sum(row["code"] == "already-there" for row in again["left_out"])
    assert there >= 30
    assert again["stored"] == COUNT - there


def test_somebody_at_a_terminal_sees_bars(trustyard: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "bundle.pem").write_text("".join(certificates(50)))
    master, slave = pty.openpty()
    words = ["trustyard", "cert", "import", "bundle.pem", "--env", "test"]
    with subprocess.Popen(
        words, stdin=slave, stdout=subprocess.PIPE, stderr=slave, env=trustyard.environment, cwd=tmp_path
    ) as process:
        os.close(slave)
        screen = "".join(_typed(master))
        assert process.stdout is not None
        assert process.stdout.read().startswith(b"Stored 50 in test")
    os.close(master)
    assert "Reading" in screen
    assert "Storing" in screen


def _typed(master: int) -> Iterator[str]:
    with suppress(OSError):  # the other end is closed: on Linux an error
        while data := os.read(master, 1 << 16):
            yield data.decode("utf-8", "replace")


def test_progress_is_seen_before_anything_is_stored(own: Serving) -> None:
    """Nothing on the way holds the lines back, and none of them waits for the database."""
    body = {"environments": ["test"], "certificates": [{"pem": pem} for pem in certificates()], "deploy": True}
    with own.client() as client, own.client() as other:
        assert total(other) == 0
        with database_locked(own):
            request = client.build_request("POST", IMPORT, json=body, headers=LINES)
            answer = client.send(request, stream=True)
            lines = answer.iter_lines()
            seen = [json.loads(next(lines))]
            while "storing" not in seen[-1]:
                seen.append(json.loads(next(lines)))
            assert total(other) == 0
        [last] = [json.loads(line) for line in lines]
    assert seen[-2:] == [{"read": COUNT, "of": COUNT}, {"storing": COUNT}]
    assert 50 < len(seen) < 110
    assert (last["stored"], last["left_out"]) == (COUNT, [])
    [place] = last["deployment"]["environments"]
    assert [gateway["state"] for gateway in place["gateways"]] == ["accepted"], "its receipts were waited for"


def test_who_goes_away_or_does_not_listen_holds_up_nobody(own: Serving) -> None:
    body = {"environments": ["test"], "certificates": [{"pem": pem} for pem in certificates()]}
    with own.client() as deaf, own.client() as other:
        assert total(other) == 0
        with database_locked(own):
            answer = deaf.send(deaf.build_request("POST", IMPORT, json=body, headers=LINES), stream=True)
        # It reads nothing and stays: all of it is stored, and others can write.
        eventually(lambda: total(other) == COUNT)
        assert other.post("/api/v1/environments", json={"name": "later", "type": "test"}).status_code == 201
        answer.close()
        gone = {**body, "certificates": [{"pem": pem} for pem in certificates(200)]}
        with database_locked(own):
            answer = deaf.send(deaf.build_request("POST", IMPORT, json=gone, headers=LINES), stream=True)
            answer.close()
        eventually(lambda: total(other) == COUNT + 200)


def test_other_requests_are_answered_while_two_imports_wait(own: Serving) -> None:
    body = {"environments": ["test"], "certificates": [{"pem": pem} for pem in certificates(5)]}
    with own.client() as client:
        assert total(client) == 0
        with database_locked(own):
            waiting = [threading.Thread(target=_quietly, args=(own, body)) for _ in range(10)]
            for thread in waiting:
                thread.start()
            for _ in range(10):
                assert total(client) == 0
        for thread in waiting:
            thread.join()
        assert total(client) == 5


def _quietly(server: Serving, body: object) -> None:
    with server.client() as client:
        assert client.post(IMPORT, json=body).status_code == 200
