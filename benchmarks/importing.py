"""A bulk import through the command line into a real server: certificates stored per second, one bad entry among them.

The clock runs around `trustyard cert import`, its own start included. Beside it, in the same run: reading the same
certificates with `cryptography` alone, and inserting their bare DER, a statement and a transaction for each, into an
SQLite database of the same settings.

    .venv/bin/python benchmarks/importing.py [--certificates 10000] [--environments test] [--deploy] [--folder]
        [--postgresql]
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from made import certificates
from processes import cpu_seconds
from reading import with_cryptography

sys.path.insert(0, str(Path(__file__).parent.parent))

from demo.programs import Trustyard
from trustyard.pki.certificates import pem
from trustyard.server.database import PRAGMAS

BAD = "-----BEGIN CERTIFICATE-----\nMIIB cut off\n-----END CERTIFICATE-----\n"


def main() -> None:
    """Prints the rate first, then what it is measured against."""
    parser = argparse.ArgumentParser(description="Certificates stored per second by a bulk import.")
    parser.add_argument("--certificates", type=int, default=10_000)
    parser.add_argument("--environments", default="test", help="names with commas")
    parser.add_argument("--deploy", action="store_true", help="make a release, and wait for the gateway")
    parser.add_argument("--folder", action="store_true", help="a file for each instead of one bundle")
    parser.add_argument("--postgresql", action="store_true", help="into a PostgreSQL of its own, with its fsync")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trustyard-benchmark-") as name:
        folder = Path(name)
        ders = certificates(options.certificates)
        given = _files(folder / "given", ders) if options.folder else _bundle(folder, ders)
        words = [str(given), "--env", options.environments, *(["--deploy"] if options.deploy else [])]
        with _database(options.postgresql) as environ:
            seconds, cpu, left_out = _imported(folder, words, len(ders), environ)
        parsed, rows = _parsed(ders), _row_by_row(folder / "rows.db", ders)
    print(f"{len(ders) / seconds:.0f} stored/s   (aim: above 1,000)")
    print(f"import               {seconds:6.2f} s for {len(ders)} certificates; left out: {left_out}")
    print(
        f"processor time       {cpu:6.2f} s of command and server: {len(ders) / cpu:.0f} stored for each second of it"
    )
    print(f"cryptography alone   {parsed:6.2f} s   the import takes {seconds / parsed:.1f} times that")
    print(f"one INSERT at a time {rows:6.2f} s   the import takes {seconds / rows:.2f} times that")


def _bundle(folder: Path, ders: list[bytes]) -> Path:
    texts = [pem(der) for der in ders]
    texts.insert(len(texts) // 2, BAD)
    path = folder / "bundle.pem"
    path.write_text("".join(texts))
    return path


def _files(folder: Path, ders: list[bytes]) -> Path:
    folder.mkdir()
    for number, der in enumerate(ders):
        (folder / f"partner-{number}.pem").write_text(pem(der))
    (folder / "bad.pem").write_text(BAD)
    return folder


@contextmanager
def _database(postgresql: bool) -> Iterator[dict[str, str]]:
    """SQLite, or a PostgreSQL of our own as it comes; its processor time is not counted."""
    if not postgresql:
        yield {}
        return
    from tests.databases import Cluster

    cluster = Cluster("shared_buffers=256MB").start()
    try:
        yield {"TRUSTYARD_DATABASE_URL": cluster.create("importing")}
    finally:
        cluster.remove()


def _imported(folder: Path, words: list[str], count: int, environ: dict[str, str]) -> tuple[float, float, str]:
    trustyard = _Measured(folder, **environ)
    try:
        before, begun = trustyard.cpu_seconds() + _of_commands(), time.perf_counter()
        ended = trustyard.run("cert", "import", *words, "--json")
        seconds = time.perf_counter() - begun
        cpu = trustyard.cpu_seconds() + _of_commands() - before
        answer = json.loads(ended.stdout)
        if answer["stored"] != count or len(answer["left_out"]) != 1:
            raise SystemExit(f"Stored {answer['stored']} of {count}: {answer['left_out'][:3]}")
        return seconds, cpu, answer["left_out"][0]["item"]
    finally:
        trustyard.stop()


class _Measured(Trustyard):
    """A server that can be asked how long it used a processor."""

    def cpu_seconds(self) -> float:
        """Of user and system, since its start."""
        return cpu_seconds(self._process.pid)


def _of_commands() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _parsed(ders: list[bytes]) -> float:
    begun = time.perf_counter()
    for der in ders:
        with_cryptography(der)
    return time.perf_counter() - begun


def _row_by_row(path: Path, ders: list[bytes]) -> float:
    with sqlite3.connect(path, isolation_level=None) as database:
        for pragma in PRAGMAS.split(";"):
            database.execute(pragma)
        database.execute("CREATE TABLE certificates (id INTEGER PRIMARY KEY, der BLOB)")
        begun = time.perf_counter()
        for der in ders:
            database.execute("INSERT INTO certificates (der) VALUES (?)", [der])
        return time.perf_counter() - begun


if __name__ == "__main__":
    main()
