"""Backup and restore, as somebody meets them who does it in a hurry."""

from __future__ import annotations

import errno
import gc
import hashlib
import io
import json
import os
import resource
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from tests.authority import Authority
from tests.databases import opened
from tests.server.nodes import Nodes
from tests.server.serving import PROGRAM, Serving, environment, run
from trustyard import models
from trustyard.errors import TrustyardError
from trustyard.server.backup import archive
from trustyard.server.backup.archive import MANIFEST, SECRET, Reader, Writer
from trustyard.server.backup.numbers import go_on_after, last_number
from trustyard.server.backup.tables import RESET

Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a small system."""
    folder = tmp_path_factory.mktemp("made")
    for name in ("one", "two"):
        run(folder / "data", "token", "create", name)
    with Serving(folder / "data") as serving, serving.client() as client:  # the first server makes the secret key
        source = {"kind": "paste", "encoding": "BASE64PEM", "content": Authority("Acme").pem}
        entry = {"environment": "test", "alias": "acme", "source": source}
        of_it = {"kind": "certificate", "certificate": "acme", "environment": "test"}
        for path, body in (
            ("certificates", {"name": "acme", "entries": [entry]}),
            ("jwks?wait=10", {"name": "acme", "source": of_it, "deploy": True}),
            ("environments/test/gateways", {"name": "edge", "kind": "envoy"}),
        ):
            client.post(f"/api/v1/{path}", json=body).raise_for_status()
    with opened(folder / "data") as database:
        # As a server leaves them that was killed.
        database.execute(
            "INSERT INTO trustyard_server (id, edition, started_at, seen_at)"
            " VALUES ('killed', 'e', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
        )
        database.execute(
            "INSERT INTO trustyard_node (gateway_id, name, connected, last_seen, server_id)"
            " SELECT id, 'there', true, CURRENT_TIMESTAMP, 'killed' FROM trustyard_gateway WHERE name = 'edge'"
        )
        database.execute(
            "INSERT INTO mfa_authenticator (user_id, type, data, created_at)"
            " SELECT id, 'totp', '{\"secret\": \"sealed\"}', CURRENT_TIMESTAMP FROM trustyard_user"
        )
    assert "It holds the secret key" in run(folder / "data", "backup", "it.backup").stdout
    return folder / "it.backup"


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size * 2 // 3)


def end_cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 10)


def one_byte(path: Path) -> None:
    with zipfile.ZipFile(path) as file:
        part = max(file.infolist(), key=lambda info: info.file_size if info.filename != MANIFEST else 0)
    data = bytearray(path.read_bytes())
    data[part.header_offset + 30 + len(part.filename) + part.compress_size // 2] ^= 1
    path.write_bytes(data)


def packed_anew(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w") as file:
        for name, data in parts.items():
            file.writestr(name, data)


def another_row(path: Path) -> None:
    def change(parts: dict[str, bytes]) -> None:
        parts["tables/trustyard.token.jsonl"] = parts["tables/trustyard.token.jsonl"].replace(b"one", b"own")

    packed_anew(path, change)


def part_missing(path: Path) -> None:
    packed_anew(path, lambda parts: parts.__delitem__("tables/trustyard.token.jsonl") or None)


def part_too_many(path: Path) -> None:
    packed_anew(path, lambda parts: parts.update({"tables/x": b""}))


def foreign(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("hello.txt", "a ZIP, and no backup")


def no_zip(path: Path) -> None:
    path.write_text("SQLite format 3\x00")


def encrypted(path: Path, part: str = MANIFEST) -> None:
    """Marks a part as `zip -e` does."""
    with zipfile.ZipFile(path) as file:
        local = file.getinfo(part).header_offset
    data = bytearray(path.read_bytes())
    central = data.index(part.encode(), data.index(b"PK\x01\x02")) - 46
    data[local + 6] |= 1
    data[central + 8] |= 1
    path.write_bytes(data)


def part_encrypted(path: Path) -> None:
    encrypted(path, SECRET)


def newer_form(path: Path) -> None:
    def change(parts: dict[str, bytes]) -> None:
        parts[MANIFEST] = json.dumps({**json.loads(parts[MANIFEST]), "trustyard_backup": 2, "version": "9.1"}).encode()

    packed_anew(path, change)


def newer_tables(path: Path) -> None:
    def change(parts: dict[str, bytes]) -> None:
        manifest = json.loads(parts[MANIFEST])
        manifest["migrations"]["trustyard"].append("9999_of_then")
        parts[MANIFEST] = json.dumps(manifest).encode()

    packed_anew(path, change)


def told(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """A manifest that says something else."""

    def rewrite(parts: dict[str, bytes]) -> None:
        manifest = json.loads(parts[MANIFEST])
        change(manifest)
        parts[MANIFEST] = json.dumps(manifest).encode()

    packed_anew(path, rewrite)


def no_migrations(path: Path) -> None:
    told(path, lambda manifest: manifest.update(migrations=[]))


def number_for_a_name(path: Path) -> None:
    told(path, lambda manifest: manifest["parts"][0].update(name=5))


def word_for_a_number(path: Path) -> None:
    told(path, lambda manifest: manifest["parts"][0].update(last_number="x"))


def tokens_are(line: bytes) -> Damage:
    """A backup whose digests fit, with this line in place of the tokens."""

    def damage(path: Path) -> None:
        name = "tables/trustyard.token.jsonl"

        def change(parts: dict[str, bytes]) -> None:
            manifest = json.loads(parts[MANIFEST])
            part = next(part for part in manifest["parts"] if part["name"] == name)
            part.update(rows=1, sha256=hashlib.sha256(line).hexdigest())
            parts.update({name: line, MANIFEST: json.dumps(manifest).encode()})

        packed_anew(path, change)

    return damage


@pytest.mark.parametrize(
    ("damage", "code", "word"),
    [
        (cut, "backup-unreadable", "cut off"),
        (end_cut, "backup-unreadable", "cut off"),
        (one_byte, "backup-unreadable", "changed"),
        (another_row, "backup-unreadable", "trustyard.token.jsonl was changed"),
        (part_missing, "backup-unreadable", "parts"),
        (part_too_many, "backup-unreadable", "parts"),
        (foreign, "backup-unreadable", "no backup"),
        (no_zip, "backup-unreadable", "no backup"),
        (Path.unlink, "backup-unreadable", "No such file"),
        (encrypted, "backup-unreadable", "no backup"),
        (part_encrypted, "backup-unreadable", "secret-key was changed"),
        (newer_form, "backup-newer", "9.1"),
        (no_migrations, "backup-unreadable", "no backup"),
        (number_for_a_name, "backup-unreadable", "no backup"),
        (word_for_a_number, "backup-unreadable", "no backup"),
    ],
)
def test_a_file_that_is_not_what_was_written_is_refused_by_name(
    made: Path, tmp_path: Path, damage: Damage, code: str, word: str
) -> None:
    copy = tmp_path / "copy.backup"
    copy.write_bytes(made.read_bytes())
    Reader(copy).verify()
    damage(copy)
    with pytest.raises(TrustyardError) as caught:
        Reader(copy).verify()
    assert caught.value.code == code
    assert str(copy) in caught.value.sentence
    assert word in caught.value.sentence


def test_a_line_that_no_database_could_hold_is_not_read_to_its_end(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.backup"
    copy.write_bytes(made.read_bytes())
    monkeypatch.setattr(archive, "MAX_LINE", 1000)
    tokens_are(b"[" + 998 * b" ")(copy)
    reader = Reader(copy)
    [part] = [one for one in reader.manifest.parts if one.table == "trustyard.token"]
    assert len(list(reader.lines(part))) == 1
    tokens_are(b"[" + 999 * b" ")(copy)
    with pytest.raises(TrustyardError, match="a line that no database could hold"):
        list(Reader(copy).lines(part))


@pytest.mark.parametrize("line", [b"nonsense\n", b"[1]\n", b"1\n", 100_000 * b"[" + b"\n"])
def test_what_is_no_row_of_its_table_is_said_and_no_row_is_written(made: Path, tmp_path: Path, line: bytes) -> None:
    """Of a file whose digests fit, which nobody but who wrote it can have changed."""
    copy = tmp_path / "copy.backup"
    copy.write_bytes(made.read_bytes())
    tokens_are(line)(copy)
    said = run(tmp_path / "data", "restore", "copy.backup", code=1).stderr
    assert "tables/trustyard.token.jsonl holds what is no row of this table." in said
    with opened(tmp_path / "data") as database:
        assert database.execute("SELECT count(*) FROM trustyard_environment").fetchone() == (0,)


def test_nothing_is_written_of_what_is_refused_and_nothing_that_is_there_is_replaced(
    made: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.backup"
    broken.write_bytes(made.read_bytes())
    another_row(broken)
    assert "was changed" in run(tmp_path / "data", "restore", "broken.backup", code=1).stderr
    assert not (tmp_path / "data").exists()
    broken.write_bytes(made.read_bytes())
    newer_tables(broken)
    said = run(tmp_path / "data", "restore", "broken.backup", code=1).stderr
    assert "made by a newer Trustyard" in said
    assert "it has trustyard.9999_of_then" in said
    run(tmp_path / "data", "restore", str(made))
    assert "not empty: it has rows of trustyard." in run(tmp_path / "data", "restore", str(made), code=1).stderr
    (tmp_path / "files" / "environments" / "test").mkdir(parents=True)
    assert "has environments already" in run(tmp_path / "files", "restore", str(made), code=1).stderr
    # An existing file stays as it is unless told otherwise.
    assert "exists already" in run(tmp_path / "data", "backup", "broken.backup", code=1).stderr
    said = json.loads(run(tmp_path / "data", "backup", "broken.backup", "--overwrite", "--json").stdout)
    assert said["rows"]["trustyard.token"] == 3
    written = broken.read_bytes()
    assert (said["bytes"], said["sha256"]) == (len(written), hashlib.sha256(written).hexdigest())
    assert broken.stat().st_mode & 0o777 == 0o600
    assert "cannot be written" in run(tmp_path / "data", "backup", "no/such/folder", code=1).stderr
    said = run(tmp_path / "data", "backup", "files", "--overwrite", code=1).stderr
    assert "files cannot be written: it is a folder." in said
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_every_value_comes_back_and_nobody_is_connected(made: Path, tmp_path: Path) -> None:
    assert " audit events came with it." in run(tmp_path / "data", "restore", str(made)).stdout
    parts = {part.table: part for part in Reader(made).manifest.parts if part.rows and part.table}
    assert {"trustyard.node", "trustyard.receipt", "trustyard.jwk", "trustyard.jwk_environments"} <= parts.keys()
    held = "SELECT name FROM trustyard_node WHERE connected OR server_id IS NOT NULL"
    with opened(made.parent / "data") as there, opened(tmp_path / "data") as here:
        for table in parts.keys() - {"trustyard.audithead"}:  # which moves with each event
            columns = ", ".join(f'"{name}"' for name in parts[table].columns if name not in RESET.get(table, {}))
            rows = f"SELECT {columns} FROM {table.replace('.', '_')} ORDER BY 1 LIMIT {parts[table].rows}"
            assert list(here.execute(rows)) == list(there.execute(rows)), table
        assert ("there",) in list(there.execute(held))
        assert list(here.execute(held)) == []
        here.execute(
            "UPDATE trustyard_auditevent SET actor = 'nobody' WHERE id = (SELECT min(id) FROM trustyard_auditevent)"
        )
    run(tmp_path / "data", "backup", "changed.backup")
    said = run(tmp_path / "again", "restore", "changed.backup", code=1)
    assert "Restored 1 certificate, 1 JWK, 1 release as of " in said.stdout
    assert "its audit chain was broken when the backup was made" in said.stderr


def test_a_server_that_runs_is_not_restored_over(made: Path, tmp_path: Path) -> None:
    with Serving(tmp_path / "data"):
        said = run(tmp_path / "data", "restore", str(made), code=1).stderr
    assert "is running" in said or "not empty" in said  # on PostgreSQL several may run, so there the rows say it


def test_standard_output_takes_it_and_the_secret_key_can_be_left_out(made: Path, tmp_path: Path) -> None:
    data = made.parent / "data"
    done = subprocess.run(
        [PROGRAM, "backup", "-", "--without-secret-key"],
        env=environment(data),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stderr.startswith(b"Wrote standard output: 1 certificate, 1 JWK, 1 release (")
    assert b"no secret key" in done.stderr
    (tmp_path / "piped").write_bytes(done.stdout)
    assert SECRET not in [part.name for part in Reader(tmp_path / "piped").manifest.parts]
    assert (data / "secret-key").read_bytes() not in done.stdout
    said = run(tmp_path / "data", "restore", "piped").stdout
    assert "needs a new bootstrap" in said
    assert not (tmp_path / "data" / "secret-key").exists()
    assert "one" in run(tmp_path / "data", "token", "list").stdout


def test_standard_input_is_restored_as_a_file_is(made: Path, tmp_path: Path) -> None:
    terminal, typed = os.openpty()
    try:
        done = subprocess.run(
            [PROGRAM, "restore", "-"],
            env=environment(tmp_path / "data"),
            stdin=typed,
            capture_output=True,
            check=False,
            timeout=20,
        )
    finally:
        os.close(terminal)
        os.close(typed)
    assert (done.returncode, b"Standard input is a terminal" in done.stderr) == (2, True)

    def piped(data: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [PROGRAM, "restore", "-", "--json"],
            env=environment(tmp_path / "data"),
            input=data,
            capture_output=True,
            check=False,
            timeout=60,
        )

    whole = made.read_bytes()
    for broken in (b"", whole[: len(whole) // 2]):
        done = piped(broken)
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"Error: standard input cannot be restored: it is no backup" in done.stderr
        assert not (tmp_path / "data").exists()
    done = piped(whole)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["trustyard.certificate"] == 1
    assert "one" in run(tmp_path / "data", "token", "list").stdout
    assert (tmp_path / "data" / "secret-key").read_bytes() == (made.parent / "data" / "secret-key").read_bytes()


def test_what_finds_no_room_is_told_in_a_sentence_and_nothing_else(made: Path, tmp_path: Path) -> None:
    def told(command: str, folder: Path, out: str, given: bytes = b"", most: int = resource.RLIM_INFINITY) -> bytes:
        with Path(out).open("wb") as full:
            done = subprocess.run(
                [PROGRAM, command, "-"],
                env=environment(folder),
                input=given,
                stdout=full,
                stderr=subprocess.PIPE,
                check=False,
                timeout=60,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
            )
        assert done.returncode == 1
        assert done.stderr.count(b"\n") == 2, done.stderr.decode()
        return done.stderr

    assert b"Standard output cannot be written: No space left" in told("backup", made.parent / "data", "/dev/full")
    whole = made.read_bytes()
    said = told("restore", tmp_path / "data", os.devnull, whole, most=len(whole) // 2)
    assert b"until it was read: File too large." in said
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_could_not_be_written_is_complained_of_once() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"), Writer(Full()) as writer:
        writer.add("part", iter([b"line\n"]))
    del writer
    gc.collect()  # what is raised meanwhile, the tests take for a failure


def test_whoever_reads_a_backup_and_ends_early_gets_no_words_of_ours(made: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [PROGRAM, "backup", "-"],
            env=environment(made.parent / "data"),
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.postgresql
def test_the_key_in_a_backup_is_that_of_the_database_or_there_is_no_backup(tmp_path: Path) -> None:
    data = tmp_path / "elsewhere" / "data"
    data.parent.mkdir()
    with Nodes(tmp_path) as nodes:
        nodes.start("one")
        database = {"DATABASE_URL": nodes.settings["DATABASE_URL"]}
        said = run(data, "backup", "it.backup", code=1, **database).stderr
        assert "is missing" in said
        assert "TRUSTYARD_SECRET_KEY_FILE" in said
        assert not (data / "secret-key").exists()
        (data / "secret-key").write_text("another\n")
        for command in (("backup", "it.backup"), ("secret", "rotate")):
            assert "is not the one" in run(data, *command, code=1, **database).stderr
        assert (data / "secret-key").read_text() == "another\n"
        assert list(data.parent.glob("*.backup")) == []
        run(data, "backup", "without.backup", "--without-secret-key", **database)
        run(data, "backup", "it.backup", **database, SECRET_KEY_FILE=str(nodes.key))
    with zipfile.ZipFile(data.parent / "it.backup") as file:
        assert file.read(SECRET) == nodes.key.read_bytes()


def test_another_secret_key_is_not_replaced(made: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "secret-key").write_text("this one stays\n")
    assert "another secret key" in run(tmp_path / "data", "restore", str(made), code=1).stderr
    said = run(tmp_path / "data", "restore", str(made), "--without-secret-key").stdout
    assert (tmp_path / "data" / "secret-key").read_text() == "this one stays\n"
    assert "needs a new bootstrap" in said
    assert "sealed with it, too: trustyard user reset-mfa NAME." in said, "what else opens nothing any more"


@pytest.mark.django_db
def test_a_number_that_was_given_out_never_comes_again() -> None:
    first = models.Environment.objects.create(name="one", name_key="one")
    first.delete()
    given = last_number(models.Environment)
    assert given is not None
    with transaction.atomic():
        go_on_after(models.Environment, given + 1000)
    assert models.Environment.objects.create(name="two", name_key="two").pk == given + 1001
    assert last_number(models.StoredCertificate) is None
