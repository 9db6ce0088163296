"""`trustyard check` says what would hurt, before it does."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from tests.authority import Authority
from tests.databases import Cluster
from tests.faults.clocks import clock_off
from tests.programs import free_port
from tests.server.serving import run
from trustyard.errors import Refused
from trustyard.server.backup.outputs import output
from trustyard.server.checking import findings, host, settings_shown
from trustyard.server.checking.database import CONNECTIONS, to_come
from trustyard.server.configuration import Configuration
from trustyard.server.datadir import make_folder
from trustyard.xds.credentials import credentials

pytestmark = pytest.mark.sqlite  # it brings a PostgreSQL of its own
MOST = CONNECTIONS + 1


def said(data: Path, **settings: str) -> str:
    """Every sentence about these settings; errors begin with an exclamation mark."""
    environ = {"TRUSTYARD_DATA_DIR": str(data), **{f"TRUSTYARD_{name}": value for name, value in settings.items()}}
    return "\n".join(f"{'!' if one.error else ''}{one.sentence}" for one in findings(environ))


def test_what_is_wrong_with_addresses_and_certificates_is_said(tmp_path: Path) -> None:
    assert "PUBLIC_URL is http" in said(tmp_path, PUBLIC_URL="http://trust.example.org")
    assert "PUBLIC_URL is http" not in said(tmp_path, PUBLIC_URL="http://127.0.0.1:8080")
    https = {"PUBLIC_URL": "https://trust.example.org"}
    assert "no proxy is trusted" in said(tmp_path, **https)
    assert "PUBLIC_URL is http:" not in said(tmp_path, **https) + said(tmp_path)
    assert "no proxy" not in said(tmp_path, **https, TRUSTED_PROXIES="10.0.0.0/8")
    for everywhere in ("0.0.0.0:8400", "[::]:8400"):
        assert "only loopback names" in said(tmp_path, LISTEN=everywhere)
        for more in (https, {"ALLOWED_HOSTS": "trust.example.org"}):
            assert "only loopback names" not in said(tmp_path, LISTEN=everywhere, **more)
    assert "only loopback names" not in said(tmp_path, LISTEN="127.0.0.1:8401", XDS_LISTEN="127.0.0.1:8400")
    provider = {f"OIDC_{name}": value for name, value in
                {"ISSUER": "https://id.example.org", "CLIENT_ID": "us", "ROLES": "*=viewer"}.items()}  # fmt: skip
    assert "OIDC_ISSUER is set" in said(tmp_path, **provider)
    assert "OIDC_ISSUER is set" not in said(tmp_path, **provider, **https) + said(tmp_path)
    assert "TRUSTYARD_LISTN is no setting" in said(tmp_path, LISTN="127.0.0.1:8400")
    now = datetime.now(UTC)
    for days, word in ((400, "!TRUSTYARD_XDS_CERT is not valid now (expired"), (360, "TRUSTYARD_XDS_CERT expires on")):
        folder = tmp_path / str(days)
        folder.mkdir()
        cert, key = Authority("xDS", moment=now - timedelta(days=days)).written(folder)
        assert word in said(tmp_path, XDS_CERT=cert, XDS_KEY=key)
    other = Authority("Another").written(tmp_path)
    assert "!TRUSTYARD_XDS_CERT and TRUSTYARD_XDS_KEY do not load" in said(tmp_path, XDS_CERT=cert, XDS_KEY=other[1])
    fine = Authority("xDS").written(tmp_path)
    assert "XDS" not in said(tmp_path, XDS_CERT=fine[0], XDS_KEY=fine[1])


def test_what_is_set_is_shown_without_secrets() -> None:
    given = {
        "TRUSTYARD_ADMIN_PASSWORD": "swordfish",
        "TRUSTYARD_TOKEN": "swordfish",
        "TRUSTYARD_PUBLIC_URL": "https://trust.example.org",
    }
    shown = {name: (value, where) for name, value, where in settings_shown(given)}
    assert "swordfish" not in str(shown)
    assert shown["TRUSTYARD_TOKEN"] == shown["TRUSTYARD_ADMIN_PASSWORD"] == ("(hidden)", "set")
    assert shown["TRUSTYARD_OIDC_CLIENT_SECRET"] == ("", "default")
    assert shown["TRUSTYARD_PUBLIC_URL"] == ("https://trust.example.org", "set")
    assert shown["TRUSTYARD_LISTEN"] == ("127.0.0.1:8400", "default")


def test_an_earlier_secret_key_that_is_still_accepted_is_said(tmp_path: Path) -> None:
    (tmp_path / "secret-key").write_text("new\nold\n")
    assert "An earlier secret key is still accepted" in said(tmp_path)
    (tmp_path / "secret-key").write_text("new\n")
    assert "secret key" not in said(tmp_path)


def test_a_key_of_another_kind_than_its_certificate_is_named(tmp_path: Path) -> None:
    cert = Authority("xDS").written(tmp_path)[0]
    pem = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "rsa.key").write_bytes(pem)
    found = said(tmp_path, XDS_CERT=cert, XDS_KEY=str(tmp_path / "rsa.key"))
    assert "!TRUSTYARD_XDS_CERT and TRUSTYARD_XDS_KEY do not load: the key belongs to another certificate." in found


def test_what_does_not_load_is_named_and_nobody_is_asked_for_a_pass_phrase(tmp_path: Path) -> None:
    cert, key = Authority("xDS").written(tmp_path)
    locked = tmp_path / "locked.key"
    form = PrivateFormat.TraditionalOpenSSL
    pem = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret"))
    locked.write_bytes(pem)
    for pair, words in (
        ((cert, str(locked)), f"{locked} is locked with a pass phrase"),
        ((cert, cert), f"{cert} holds no private key in PEM"),
        ((key, key), f"{key} holds no certificate in PEM"),
    ):
        assert f"!TRUSTYARD_XDS_CERT and TRUSTYARD_XDS_KEY do not load: {words}" in said(
            tmp_path, XDS_CERT=pair[0], XDS_KEY=pair[1]
        )
        with pytest.raises(Refused, match=words) as caught:
            credentials(Path(pair[0]), Path(pair[1]))
        assert caught.value.code == "xds-tls"


def test_what_the_folders_are_like_and_how_much_room_they_have_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    assert "open to others" not in said(tmp_path)
    for mode in (0o710, 0o704):
        tmp_path.chmod(mode)
        assert "is open to others" in said(tmp_path)
    (tmp_path / "file").touch()
    for root in ("none", "file"):
        assert f"there is no folder {tmp_path / root} yet" in said(tmp_path, FILES_ROOTS=str(tmp_path / root))
    assert "no folder" not in said(tmp_path, FILES_ROOTS=str(tmp_path))
    for limit, mark in (("SCARCE", ""), ("FULL", "!")):
        monkeypatch.setattr(host, limit, 2**62)
        left = [line for line in said(tmp_path / "none" / "data").splitlines() if "MB left" in line]
        assert [line.startswith(f"{mark}The disk of the data directory has ") for line in left] == [True]


def test_a_data_directory_that_this_user_may_not_make_is_said(tmp_path: Path) -> None:
    assert "the first start makes it" in said(tmp_path / "folder" / "data")
    tmp_path.chmod(0o500)
    user = os.getuid()
    os.setreuid(65534 if user == 0 else -1, -1)  # root may write everywhere; access(2) asks for the real user
    try:
        found = said(tmp_path / "folder" / "data", FILES_ROOTS=str(tmp_path))
        there = said(tmp_path)
    finally:
        os.setreuid(user, -1)
    assert f"!TRUSTYARD_FILES_ROOTS: {tmp_path} cannot be written to." in found
    assert f"!The data directory {tmp_path} cannot be written to." in there
    assert f"may not make it in {tmp_path}" in found
    assert "first start makes it" not in found


def test_the_folder_of_a_socket_that_this_user_may_write_to_need_not_be_theirs(tmp_path: Path) -> None:
    """HAProxy's own /run/haproxy, which is root's."""
    user = os.getuid()
    # Not among pytest's folders, which others may not enter.
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/admin.sock")
        Path(folder).chmod(0o555)
        found = []
        for mode in (0o666, 0o600 if user == 0 else 0o400):
            Path(folder, "admin.sock").chmod(mode)
            os.setreuid(65534 if user == 0 else -1, -1)
            try:
                found.append(said(tmp_path, FILES_ROOTS=folder))
            finally:
                os.setreuid(user, -1)
        Path(folder).chmod(0o700)
    assert [f"!TRUSTYARD_FILES_ROOTS: {folder} cannot be written to." in words for words in found] == [False, True]


def test_what_lies_where_this_user_may_not_look_is_named(tmp_path: Path) -> None:
    closed, user = tmp_path / "closed", os.geteuid()
    closed.mkdir(0o000)
    os.seteuid(65534 if user == 0 else user)
    try:
        there = said(closed / "data")
        files = said(tmp_path, XDS_CERT=f"{closed}/cert", XDS_KEY=f"{closed}/key")
        with pytest.raises(Refused) as refused, output(f"{closed}/file", overwrite=False):
            pass
    finally:
        os.seteuid(user)
    assert there == f"!{closed}/data cannot be looked at: Permission denied. What comes after it was not checked."
    assert files.splitlines() == [
        f"!TRUSTYARD_XDS_CERT: {closed}/cert cannot be read: Permission denied.",
        f"!TRUSTYARD_XDS_KEY: {closed}/key cannot be read: Permission denied.",
    ]
    assert refused.value.sentence == f"{closed}/file cannot be written: Permission denied."


def test_where_it_cannot_listen_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for name in ("LISTEN", "XDS_LISTEN", "WORKER_LISTEN"):
            assert f"TRUSTYARD_{name}: {address} has a program that listens there" in said(tmp_path, **{name: address})
    free = {"LISTEN": address, "XDS_LISTEN": f"127.0.0.1:{free_port()}"}
    assert "listen" not in said(tmp_path, **free)
    elsewhere = "!TRUSTYARD_LISTEN: Trustyard cannot listen on 192.0.2.1:8400: "  # of documents, and of no machine
    assert elsewhere in said(tmp_path, LISTEN="192.0.2.1:8400")


def test_a_database_of_another_user_is_said() -> None:
    with folder_of_another_user() as folder:
        for file in ("trustyard.db", "trustyard.db-wal"):
            (folder / file).touch(0o444)
        with nobody(real=True):
            found = list(host.folders(Configuration.from_environment({"TRUSTYARD_DATA_DIR": str(folder)})))
        told = [one.sentence for one in found if one.error]
        assert told[-2:] == [
            f"The file {folder / file} cannot be written to: chown it to the user of the server."
            for file in ("trustyard.db", "trustyard.db-wal")
        ]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make what is somebody else's")
def test_a_data_directory_of_another_user_is_said_by_check_and_by_who_would_close_it() -> None:
    with folder_of_another_user() as folder:
        with nobody(real=True):
            told = said(folder)
        assert told.startswith(f"!The data directory {folder} belongs to another user")
        assert "the next start closes it" not in told
        with nobody(), pytest.raises(Refused, match=f"The data directory {folder} belongs to another user") as caught:
            make_folder(Configuration.from_environment({"TRUSTYARD_DATA_DIR": str(folder)}))
        assert "a folder within it" in caught.value.advice


@contextmanager
def folder_of_another_user() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@contextmanager
def nobody(*, real: bool = False) -> Iterator[None]:
    """Root becomes somebody who may do nothing else; `real`: as access(2) sees it, and nobody else."""
    user = os.getuid()
    if user == 0:
        os.setreuid(65534, -1) if real else os.seteuid(65534)
    try:
        yield
    finally:
        if user == 0:
            os.setreuid(user, -1) if real else os.seteuid(user)


def test_the_migrations_that_are_to_come_are_named() -> None:
    def told(*missing: str, new: bool = False) -> list[str]:
        return [one.sentence for one in to_come(list(missing), new=new)]

    assert told("trustyard.0016_x") == [
        "The database lacks 1 migration, which the next start brings: trustyard.0016_x."
    ]
    assert "survive trustyard.0017_y_ends_older: stop all" in told("trustyard.0016_x", "trustyard.0017_y_ends_older")[1]
    assert told("trustyard.0001_initial", new=True) == ["The database lacks all tables: the next start makes them."]


def test_what_is_no_folder_and_what_is_no_key_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert f"!The data directory {tmp_path / 'file'} cannot be written to." in said(tmp_path / "file")
    (tmp_path / "secret-key").write_bytes(b"\xff" * 40)
    assert f"!The secret key {tmp_path / 'secret-key'} holds bytes that are no ASCII text" in said(tmp_path)
    assert "a port each" in said(tmp_path, LISTEN="127.0.0.1:8401")
    assert "!TRUSTYARD_ALLOWED_HOSTS: https://foo/ is no host name" in said(tmp_path, ALLOWED_HOSTS="https://foo/")


def test_a_secret_key_that_everybody_can_read_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, key = Path(name), Path(name) / "key"
        key.write_text("k" * 40)
        for folder_mode, mode, noted in ((0o755, 0o644, True), (0o755, 0o640, False), (0o750, 0o644, False)):
            folder.chmod(folder_mode)
            key.chmod(mode)
            found = said(folder / "data", SECRET_KEY_FILE=str(key))
            assert (f"everybody on this host can read {key}" in found) is noted
            assert "!" not in found
        folder.chmod(0o755)
        monkeypatch.setattr(host, "MOUNTED", folder)
        assert "everybody" not in said(folder / "data", SECRET_KEY_FILE=str(key))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    # One more than a node may open; the server keeps three for its administrator.
    cluster = Cluster("fsync=off", f"max_connections={MOST + 3}").start()
    cluster.execute("CREATE ROLE guest LOGIN")
    yield cluster
    cluster.remove()


def test_what_is_wrong_with_the_database_is_said(cluster: Cluster, tmp_path: Path) -> None:
    """As processes of their own: Django knows one database in each."""

    def check(url: str, code: int = 1) -> str:
        done = run(tmp_path / "data", "check", "--json", code=code, DATABASE_URL=url)
        return "\n".join(
            f"{'!' if one['error'] else ''}{one['sentence']}" for one in json.loads(done.stdout)["findings"]
        )

    url = cluster.create("good")
    empty = check(url, code=0)
    assert "lacks" in empty
    assert "connections" not in empty
    assert "clock" not in empty
    for by, word in ((20, "20 s behind"), (-1000, "!The clock of the database is 1000 s ahead of")):
        with clock_off(timedelta(seconds=by), tmp_path):
            assert f"{word} this host's" in check(url, code=int(word.startswith("!")))
    cluster.execute("ALTER ROLE guest CONNECTION LIMIT 9")
    assert "The database allows 9 connections, 0 of which" in check(url.replace("trustyard@", "guest@"))
    cluster.execute("ALTER ROLE guest CONNECTION LIMIT -1")
    assert "!The database cannot be used" in check(url.replace("/good", "/nowhere"))
    nobody = f"postgresql://trustyard@127.0.0.1:{free_port()}/good"
    told = run(tmp_path / "x", "audit", "verify", code=1, DATABASE_URL=nobody).stderr.splitlines()
    assert "\N{REPLACEMENT CHARACTER}" not in told[0]
    assert told[0].endswith(("?", "refused.")), told
    cluster.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    assert "!The database's encoding is LATIN1" in check(f"{cluster.url}latin")
    refused = run(tmp_path / "x", "token", "create", "one", code=1, DATABASE_URL=f"{cluster.url}latin").stderr
    assert "The database's encoding is LATIN1: names of every script need UTF8." in refused
    cluster.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC", "good")
    with psycopg.connect(url), psycopg.connect(url):
        told_guest = check(url.replace("trustyard@", "guest@"))
    assert "!The user guest may not create tables" in told_guest
    assert f"The database allows {MOST} connections, 2 of which" in told_guest, "of another role"
    cluster.execute("ALTER ROLE guest SET default_transaction_read_only = on")
    assert "takes no writes" in check(url.replace("trustyard@", "guest@"))
    # A second host on the same database, that nobody gave the secret key.
    (tmp_path / "first").mkdir()
    run(tmp_path / "first" / "data", "token", "create", "one", DATABASE_URL=url)
    cluster.execute(
        "INSERT INTO trustyard_environment (id, version, name, name_key, type, description, root_set, uploaded_roots,"
        " deny_list, policy, last_number, created_at)"
        " VALUES (1, 1, 'e', 'e', 'test', '', 'none', '[]', '[]', '{}', 0, now())",
        "good",
    )
    cluster.execute(
        "INSERT INTO trustyard_gateway (version, name, name_key, kind, options, token_generation, created_at,"
        " environment_id) VALUES (1, 'g', 'g', 'envoy', '{}', 1, now(), 1)",
        "good",
    )
    assert "!The data directory has no secret key" in check(url)
    assert not (tmp_path / "data").exists(), "a check changes nothing"
    # A third with a key of its own.
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "secret-key").write_text("another\n")
    (tmp_path / "data" / "secret-key").chmod(0o600)
    assert "secret key" not in check(url, code=0)
    cluster.execute("INSERT INTO trustyard_secretkey (id, fingerprint) VALUES (1, 'of the first')", "good")
    assert f"!The secret key in {tmp_path / 'data' / 'secret-key'} is not the one" in check(url)
