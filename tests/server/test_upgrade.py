"""From one version to the next and back: what an older one left is all there, what a newer one left is survived."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
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


def nothing_yet(data: Path) -> dict[str, str]:
    """What a server on this data directory is told, so that it finds a database without a table."""
    if not chosen():
        return {}
    name = f"e{hashlib.sha256(str(data).encode()).hexdigest()[:20]}"
    with psycopg.connect(f"{chosen()}postgres", autocommit=True) as postgres:
        postgres.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]  # hex
    return {"DATABASE_URL": chosen() + name}


def older(data: Path, migration: str, partner: Authority, root: Path, *file: str) -> dict[str, str]:
    """What a version of then left in this data directory, and the settings of its database."""
    settings = nothing_yet(data)
    (data.parent / "partner.pem").write_text(partner.pem)
    done = subprocess.run(
        [sys.executable, "-m", "tests.server.older", migration, str(data.parent / "partner.pem"), *file],
        env={**environment(data, **settings), "PYTHONPATH": os.pathsep.join([str(root), str(root / "src")])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return settings


def is_all_there(data: Path, settings: dict[str, str], partner: Authority) -> None:
    with Serving(data, **settings) as server:
        token = run(data, "token", "create", "tests", "--role", "admin", **settings).stdout.strip()
        with httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False, timeout=30) as client:
            client.headers["Authorization"] = f"Bearer {token}"
            (entry,) = client.get("/certificates/partner").json()["entries"]
            assert (entry["sha256"], entry["in_force"]) == (partner.sha256, True)
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
    tmp_path: Path, root: Path, migration: str
) -> None:
    partner = Authority("Old Partner")
    settings = older(tmp_path / "data", migration, partner, root)
    said = run(tmp_path / "data", "backup", "too-late", code=1, **settings).stderr
    assert "of another version" in said, "a backup before an upgrade is made by the version that runs"
    is_all_there(tmp_path / "data", settings, partner)


@pytest.mark.timeout(240)
def test_a_backup_of_an_older_version_is_restored_as_if_it_had_been_upgraded(tmp_path: Path, root: Path) -> None:
    partner, file = Authority("Old Partner"), str(tmp_path / "old.backup")
    older(tmp_path / "old", "0001_initial", partner, root, file)
    settings = nothing_yet(tmp_path / "new")
    assert "2 audit events" in run(tmp_path / "new", "restore", file, **settings).stdout
    is_all_there(tmp_path / "new", settings, partner)


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
