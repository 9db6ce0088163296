"""From one version to the next and back: what an older one left is all there, what a newer one left is survived."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from tests.authority import Authority
from tests.databases import chosen, opened
from tests.server.older import ALIAS, PASSWORD
from tests.server.serving import Serving, environment, eventually, run, sign_in
from trustyard.errors import Refused
from trustyard.pki.filenames import safe_filename
from trustyard.server.opening import ENDS_OLDER, ahead, migrate

PARTNER = Authority("Old Partner")


def nothing_yet(data: Path, template: str = "template1") -> dict[str, str]:
    """What a server on this data directory is told, so that it finds a database without a table, or one like that."""
    if not chosen():
        return {}
    name = f"e{hashlib.sha256(str(data).encode()).hexdigest()[:20]}"
    with psycopg.connect(f"{chosen()}postgres", autocommit=True) as postgres:
        postgres.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[call-overload]  # hex
    return {"DATABASE_URL": chosen() + name}


@dataclass(frozen=True)
class Older:
    """What a version of then left: its data directory, the settings of its database, and a backup of both."""

    data: Path
    settings: dict[str, str]
    backup: Path

    def copied(self, data: Path) -> dict[str, str]:
        """The same in this data directory; the settings of its database."""
        shutil.copytree(self.data, data)
        return nothing_yet(data, self.settings["DATABASE_URL"].rpartition("/")[2]) if self.settings else {}


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Callable[[str], Older]:
    """What the version left whose last migration was this one; made once."""

    @functools.cache
    def left(migration: str) -> Older:
        folder = tmp_path_factory.mktemp("older")
        made = Older(folder / "data", nothing_yet(folder / "data"), folder / "old.backup")
        (folder / "partner.pem").write_text(PARTNER.pem)
        done = subprocess.run(
            [sys.executable, "-m", "tests.server.older", migration, str(folder / "partner.pem"), str(made.backup)],
            env={
                **environment(made.data, **made.settings),
                "PYTHONPATH": os.pathsep.join([str(root), str(root / "src")]),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return made

    return left


def is_all_there(data: Path, settings: dict[str, str]) -> None:
    with Serving(data, **settings) as server:
        token = run(data, "token", "create", "tests", "--role", "admin", **settings).stdout.strip()
        with httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False, timeout=30) as client:
            client.headers["Authorization"] = f"Bearer {token}"
            (entry,) = client.get("/certificates/partner").json()["entries"]
            assert (entry["sha256"], entry["in_force"]) == (PARTNER.sha256, True)
            (release,) = client.get("/environments/old/releases").json()["items"]
            assert (release["number"], release["made_by"]) == (1, "ada")
        with httpx.Client(trust_env=False, timeout=30) as browser:
            assert sign_in(browser, server.url, "ada", PASSWORD)
        file = safe_filename(ALIAS)
        eventually(lambda: (data / "environments" / "old" / "current" / "aliases" / f"{file}.pem").exists())
    with psycopg.connect(settings["DATABASE_URL"]) if settings else opened(data) as database:
        columns = "SELECT alias, alias_file FROM trustyard_entry"
        assert database.execute(columns).fetchall() == [(ALIAS, file)]
    assert "each fits" in run(data, "audit", "verify", **settings).stdout


@pytest.mark.timeout(240)
@pytest.mark.parametrize("migration", ["0001_initial", "0003_key_digest"])
def test_a_database_of_an_older_version_is_brought_up_with_everything_in_it(
    tmp_path: Path, older: Callable[[str], Older], migration: str
) -> None:
    settings = older(migration).copied(tmp_path / "data")
    said = run(tmp_path / "data", "backup", "too-late", code=1, **settings).stderr
    assert "of another version" in said, "a backup before an upgrade is made by the version that runs"
    is_all_there(tmp_path / "data", settings)


@contextmanager
def no_room_for(record: str, settings: dict[str, str], data: Path) -> Iterator[None]:
    """Meanwhile the row that tells of this migration is not taken, as on a disk that has become full."""
    full = "BEGIN RAISE EXCEPTION 'no room'; END"
    key = "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY" if settings else "integer PRIMARY KEY AUTOINCREMENT"
    columns = "app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied timestamp NOT NULL"
    with psycopg.connect(settings["DATABASE_URL"], autocommit=True) if settings else opened(data) as database:
        database.execute(f"CREATE TABLE IF NOT EXISTS django_migrations (id {key}, {columns})")
        if settings:
            database.execute(f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $${full}$$")
            when, then = f"FOR EACH ROW WHEN (NEW.name = '{record}')", "EXECUTE FUNCTION full_disk()"
        else:
            when, then = f"WHEN NEW.name = '{record}'", "BEGIN SELECT RAISE(ABORT, 'no room'); END"
        database.execute(f"CREATE TRIGGER full_disk BEFORE INSERT ON django_migrations {when} {then}")
        yield
        database.execute("DROP TRIGGER full_disk" + (" ON django_migrations" if settings else ""))


@pytest.mark.timeout(240)
def test_an_upgrade_that_found_no_room_goes_on_when_there_is_some(
    tmp_path: Path, older: Callable[[str], Older]
) -> None:
    """0005 makes a table and its indexes: of what is not recorded nothing may be left."""
    data = tmp_path / "data"
    settings = older("0003_key_digest").copied(data)
    with no_room_for("0005_nodes", settings, data):
        assert (
            "The database cannot be used: trustyard.0005_nodes: no room"
            in run(data, "token", "list", code=1, **settings).stderr
        )
    is_all_there(data, settings)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("migrations", [["0003_key_digest"], ["0005_nodes"], ["0003_key_digest", "0005_nodes"]])
def test_a_migration_that_is_there_without_its_record_is_recorded_and_the_upgrade_goes_on(
    tmp_path: Path, older: Callable[[str], Older], migrations: list[str]
) -> None:
    """As a start of a version until November 2026 left it that was killed between the two; also of a later one."""
    data = tmp_path / "data"
    settings = older(migrations[-1]).copied(data)
    with psycopg.connect(settings["DATABASE_URL"], autocommit=True) if settings else opened(data) as database:
        for name in migrations:
            database.execute(f"DELETE FROM django_migrations WHERE app = 'trustyard' AND name = '{name}'")
    said = run(data, "check", **settings).stdout
    assert re.findall(r"A start was ended between trustyard\.(\w+) and its record\.", said) == migrations
    is_all_there(data, settings)


@pytest.mark.timeout(240)
def test_a_migration_of_which_only_a_part_is_there_is_named_and_nothing_is_recorded(
    tmp_path: Path, older: Callable[[str], Older]
) -> None:
    data = tmp_path / "data"
    settings = older("0003_key_digest").copied(data)
    with psycopg.connect(settings["DATABASE_URL"], autocommit=True) if settings else opened(data) as database:
        database.execute("CREATE TABLE trustyard_server (name varchar(9))")
        for _ in range(2):
            failed = run(data, "token", "list", code=1, **settings).stderr
            assert "The database cannot be used: trustyard.0005_nodes: " in failed
            assert "already exists" in failed
            assert "record" not in run(data, "check", **settings).stdout
        database.execute("DROP TABLE trustyard_server")
    assert run(data, "token", "list", **settings).returncode == 0


@pytest.mark.timeout(240)
def test_a_backup_of_an_older_version_is_restored_as_if_it_had_been_upgraded(
    tmp_path: Path, older: Callable[[str], Older]
) -> None:
    file = str(older("0001_initial").backup)
    settings = nothing_yet(tmp_path / "new")
    assert "2 audit events" in run(tmp_path / "new", "restore", file, **settings).stdout
    is_all_there(tmp_path / "new", settings)


@pytest.mark.timeout(240)
def test_a_restore_that_brings_in_all_rows_and_fails_then_says_that_a_start_goes_on(
    tmp_path: Path, older: Callable[[str], Older]
) -> None:
    file, new = str(older("0003_key_digest").backup), tmp_path / "new"
    new.mkdir(mode=0o700)
    settings = nothing_yet(new)
    with no_room_for("0005_nodes", settings, new):
        said = run(new, "restore", file, code=1, **settings).stderr
    assert (
        "All of the backup is stored, but could not be brought up to this version: trustyard.0005_nodes: no room"
        in said
    )
    assert "Nothing of it was kept" not in said
    is_all_there(new, settings)


def test_after_a_roll_back_there_still_is_a_backup_that_this_version_restores(tmp_path: Path) -> None:
    data = tmp_path / "data"
    run(data, "token", "create", "one")
    record = "INSERT INTO django_migrations (app, name, applied) VALUES ('{}', '{}', CURRENT_TIMESTAMP)"
    with opened(data) as database:
        database.execute(record.format("trustyard", "0999_further"))
        database.execute(record.format("mfa", "0999_further"))
        database.execute("ALTER TABLE trustyard_token ADD COLUMN further varchar(9) NOT NULL DEFAULT 'more'")
    made = run(data, "backup", "it.backup", "--without-secret-key")
    assert "Warning: the database is of a newer Trustyard (trustyard.0999_further)." in made.stderr
    assert "not in this backup" in made.stderr
    with zipfile.ZipFile(tmp_path / "it.backup") as file:
        assert b"further" not in b"".join(map(file.read, file.namelist()))
    settings = nothing_yet(tmp_path / "again")
    run(tmp_path / "again", "restore", "it.backup", **settings)
    assert "one" in run(tmp_path / "again", "token", "list", **settings).stdout
    with opened(data) as database:
        database.execute(record.format("trustyard", f"1000_moved{ENDS_OLDER}"))
    assert "of another version" in run(data, "backup", "no.backup", "--without-secret-key", code=1).stderr


@pytest.mark.django_db
def test_a_newer_database_is_worked_with_unless_a_migration_says_that_it_ends_older_versions() -> None:
    assert ahead() == []
    recorder = MigrationRecorder(connection)
    recorder.record_applied("trustyard", "0999_further")
    migrate()
    assert ahead() == ["trustyard.0999_further"]
    recorder.record_applied("trustyard", f"1000_moved{ENDS_OLDER}")
    with pytest.raises(Refused, match="newer Trustyard") as caught:
        migrate()
    assert caught.value.code == "database-newer"
