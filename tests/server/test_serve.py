"""Start and stop of the whole server, as an operator meets them."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import stat
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.databases import chosen, opened

from .loaded import PROGRAM
from .serving import PASSWORD, Serving, environment, eventually, run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_the_first_start_makes_an_administrator_and_two_environments(data: Path) -> None:
    with Serving(data, program=PROGRAM, ADMIN_PASSWORD="") as server:
        (line,) = [line for line in server.said if line.startswith("User admin")]
        password = line.removeprefix("User admin with the password ").removesuffix(" (shown this once)")
        assert len(password) >= 16
        with server.client() as client:
            listed = client.get("/api/v1/environments").json()["items"]
            assert [(one["name"], one["type"], one["root_set"]) for one in listed] == [
                ("test", "test", "mozilla"),
                ("production", "production", "mozilla"),
            ]
            for name in ("test", "production"):
                (gateway,) = client.get(f"/api/v1/environments/{name}/gateways").json()["items"]
                assert (gateway["name"], gateway["kind"]) == ("files", "files")
        assert signs_in(server.url, password)
        assert not any(password in line for line in server.log)
    with Serving(data, ADMIN_PASSWORD="") as again:
        assert not any("password" in line for line in again.said)


def test_a_variable_that_is_no_setting_is_told_in_the_log(data: Path) -> None:
    """One that is misspelt leaves the default in force."""
    with Serving(data, LISTN="127.0.0.1:9") as server:
        pass
    told = [json.loads(line) for line in server.log if "settings.unknown" in line]
    assert [(line["level"], line["setting"]) for line in told] == [("warning", "TRUSTYARD_LISTN")]


def signs_in(url: str, password: str) -> bool:
    """As a browser does, with the form's CSRF token."""
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as browser:
        page = browser.get("/sign-in/")
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert found
        form = {"login": "admin", "password": password, "csrfmiddlewaretoken": found[1]}
        return browser.post("/sign-in/", data=form).status_code == 302


def test_the_given_password_is_taken_and_not_printed(data: Path) -> None:
    with Serving(data, ADMIN_PASSWORD=PASSWORD) as server:
        assert "User admin with the password of TRUSTYARD_ADMIN_PASSWORD" in server.said
        assert not any(PASSWORD in line for line in [*server.said, *server.log])
        assert signs_in(server.url, PASSWORD)
        assert not signs_in(server.url, "another password")


def test_a_password_that_is_not_used_because_there_are_users_is_told_at_the_first_start_alone(data: Path) -> None:
    run(data, "user", "add", "ada", "--role", "admin", stdin=PASSWORD)
    with Serving(data, ADMIN_PASSWORD=PASSWORD) as server:
        told = "No user admin is made, for there are users already; TRUSTYARD_ADMIN_PASSWORD is not used"
        assert told in server.said
        assert not signs_in(server.url, PASSWORD)
    with Serving(data, ADMIN_PASSWORD=PASSWORD) as again:
        assert not any("admin" in line for line in again.said)


def test_what_an_administrator_removed_does_not_come_back(data: Path) -> None:
    with Serving(data) as server, server.client() as client:
        for name in ("test", "production"):
            for path in (f"/api/v1/environments/{name}/gateways/files", f"/api/v1/environments/{name}"):
                etag = client.get(path).headers["ETag"]
                assert client.delete(path, headers={"If-Match": etag}).status_code in (200, 204)
    with Serving(data) as server, server.client() as client:
        assert client.get("/api/v1/environments").json()["total"] == 0


def test_only_the_owner_can_read_the_data_directory(data: Path) -> None:
    before = os.umask(0)
    try:
        with Serving(data):
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [data, *data.iterdir()] if path.exists()}
    finally:
        os.umask(before)
    assert modes.pop("data") == 0o700
    assert modes["secret-key"] == 0o600
    assert "trustyard.db" in modes or chosen()
    assert not [name for name, mode in modes.items() if mode & 0o077]


@pytest.mark.sqlite
def test_a_second_server_on_the_same_data_directory_is_refused(data: Path) -> None:
    with Serving(data):
        refused = run(data, "serve", code=1)
        assert "Another trustyard serve is running on the data directory" in refused.stderr
        assert refused.stdout == ""
    with Serving(data):  # and when the first one has ended, it is not
        pass


def test_a_taken_port_is_refused_by_name_and_leaves_nothing_running(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused = run(data, "serve", code=1, LISTEN=address)
        assert f"Trustyard cannot listen on {address}" in refused.stderr
        assert "TRUSTYARD_LISTEN" in refused.stderr
        refused = run(data, "serve", code=1, XDS_LISTEN=address)
        assert refused.stderr.startswith(f"Error: xDS cannot listen on {address}")
        assert "TRUSTYARD_XDS_LISTEN" in refused.stderr
        with opened(data) as database:
            assert list(database.execute("SELECT * FROM trustyard_server")) == [], "it said that it is gone"


def test_xds_for_others_needs_tls(data: Path) -> None:
    refused = run(data, "serve", code=1, XDS_LISTEN="0.0.0.0:0")
    assert "Without TLS files xDS listens on loopback only" in refused.stderr
    assert not data.exists()


def test_sigterm_ends_it_cleanly_while_requests_are_under_way(data: Path) -> None:
    server = Serving(data)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        body = {"kind": "connection", "url": f"https://127.0.0.1:{silent.getsockname()[1]}"}

        def fetch() -> None:
            try:
                with server.client() as client:
                    client.post("/api/v1/certificates/inspect", json=body)
            except httpx.TransportError:
                pass  # the server went away while the foreign one was silent

        thread = threading.Thread(target=fetch)
        thread.start()
        peer, _ = silent.accept()
        started = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - started < 15
        peer.close()
        thread.join()
    assert not any("Traceback" in line for line in server.log)


def test_a_server_killed_leaves_no_lock_behind(data: Path) -> None:
    server = Serving(data)
    server.kill()
    with Serving(data) as again:
        eventually(lambda: httpx.get(f"{again.url}/readyz", trust_env=False, timeout=30).status_code == 200)


@pytest.mark.sqlite
def test_the_database_is_safe_against_a_power_cut(data: Path) -> None:
    with Serving(data):
        with sqlite3.connect(data / "trustyard.db") as database:
            assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        database.close()


def test_a_lost_release_folder_is_written_again_at_the_next_start(data: Path) -> None:
    """Level-triggered: what is there counts, not what was once reported."""
    import shutil

    with Serving(data) as server, server.client() as client:
        answer = client.post("/api/v1/environments/test/releases")
        assert answer.status_code == 201
        assert answer.json()["deployment"]["environments"][0]["state"] == "accepted"
    shutil.rmtree(data / "environments")
    with Serving(data):
        eventually(lambda: (data / "environments" / "test" / "current" / "manifest.json").exists())


def test_the_settings_of_a_command_beside_the_server_are_its_own(data: Path) -> None:
    """Nothing of a caller's TRUSTYARD_* reaches a test's server."""
    assert "TRUSTYARD_PUBLIC_URL" not in environment(data)
