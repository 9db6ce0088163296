"""The second database: `pytest --database=postgresql` starts a PostgreSQL and runs what touches a database on it."""

from __future__ import annotations

import atexit
import fcntl
import functools
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import psycopg
import pytest

from tests.programs import free_port, need

OPTION = "--database=postgresql"
ADDRESS = "TESTS_POSTGRESQL"  # of the cluster, for this process and those that it starts: postgresql://…/
TEMPLATES = "TESTS_TEMPLATES"  # the folder of the templates on SQLite, for the same
TEMPLATE, BEGUN = "trustyard_template", "trustyard_begun"
USER = "trustyard"
PASSWORD = "correct horse battery staple"  # of the administrator that a first start makes
# Nothing of it outlives the tests. Many servers connect, several times each.
SETTINGS = ("fsync=off", "full_page_writes=off", "max_connections=600", "shared_buffers=64MB", "listen_addresses=''")
FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server"}


class Cluster:
    """A PostgreSQL of our own in a folder of its own, on a free port of loopback. Make test installs it."""

    def __init__(self, *settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="trustyard-postgresql-"))
        self.settings = settings or SETTINGS
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        # It refuses to run as root, so root becomes somebody who may do nothing else.
        self._somebody: dict[str, Any] = {"user": "nobody", "group": "nogroup"} if os.getuid() == 0 else {}
        if self._somebody:
            shutil.chown(self.folder, "nobody", "nogroup")
        self._run("initdb", "--pgdata", "data", "--username", USER, "--auth", "trust", "--encoding", "UTF8",
                  "--locale", "C.UTF-8", "--no-sync", "--no-instructions")  # fmt: skip

    @property
    def url(self) -> str:
        """Its address, without the name of a database."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/"

    def start(self) -> Cluster:
        """Starts it and waits until it answers."""
        flags = [part for setting in self.settings for part in ("-c", setting)]
        command = [_program("postgres"), "-D", "data", "-p", str(self.port), "-k", str(self.folder), *flags]
        command += ["-c", "listen_addresses=127.0.0.1"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **self._somebody)
        self._run("pg_isready", "--quiet", "--host", "127.0.0.1", "--port", str(self.port), patient=True)
        return self

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stops it: SIGINT ends all connections cleanly, SIGQUIT is as a power cut. What it stored stays."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """As on a host that is paused: all of it stands still, and what is sent to it is taken and not answered."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)  # first, so that it starts no other
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        everybody = [*map(int, children), self.process.pid]
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in everybody:
                os.kill(pid, signal.SIGCONT)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Transactions that begin meanwhile take no writes; what each session learns within a moment."""
        self._set_read_only("on")
        try:
            yield
        finally:
            self._set_read_only("off")

    def cut(self, database: str, share: float = 1.0) -> list[tuple[Any, ...]]:
        """Ends others' connections to this database, or about so many of them, and waits for it; a row for each."""
        others = f"FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid()"
        return self.execute(f"SELECT pg_terminate_backend(pid, 5000) {others} AND random() < {share}")

    def _set_read_only(self, value: str) -> None:
        self.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        self.execute("SELECT pg_reload_conf()")

    def remove(self) -> None:
        """Stops it for good."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """One statement as its administrator, outside any transaction; the rows, where it has some."""
        with psycopg.connect(f"{self.url}{database}", autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]  # the tests' own words
            return cursor.fetchall() if cursor.description else []

    def create(self, name: str) -> str:
        """An empty database of this name; its address."""
        self.execute(f"CREATE DATABASE {name}")
        return self.url + name

    def _run(self, name: str, *arguments: str, patient: bool = False) -> None:
        for attempt in range(200 if patient else 1):
            done = subprocess.run(
                [_program(name), *arguments], cwd=self.folder, capture_output=True, check=False, **self._somebody
            )
            if done.returncode == 0:
                return
            if attempt:
                assert self.process is not None
                assert self.process.poll() is None, (self.folder / "log").read_text()
                signal.sigtimedwait([], 0.05)
        raise AssertionError(f"{name}: {done.stderr.decode()}")


def _program(name: str) -> str:
    return need(name, package="postgresql")


def chosen() -> str:
    """The address of the tests' PostgreSQL, started by the first who asks; empty where they run on SQLite."""
    if ADDRESS not in os.environ and OPTION in sys.argv:
        cluster = Cluster().start()
        atexit.register(cluster.remove)
        os.environ[ADDRESS] = cluster.url
    return os.environ.get(ADDRESS, "")


def settings_of(data_dir: Path, template: str = TEMPLATE) -> dict[str, str]:
    """What a server on this data directory is told of its database: nothing, or that it is one of its own."""
    address = chosen()
    if not address:
        return {}
    name = f"d{hashlib.sha256(str(data_dir).encode()).hexdigest()[:20]}"
    with psycopg.connect(f"{address}postgres", autocommit=True) as connection:
        # One at a time: a template that is being read or made cannot be used by another.
        connection.execute("SELECT pg_advisory_lock(1)")
        if not _exists(connection, name):
            if not _exists(connection, template):
                _make_template(connection, address, template)
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[call-overload]  # hex
    return {"TRUSTYARD_DATABASE_URL": address + name}


def prepare(data_dir: Path) -> None:
    """Gives a server what its first start makes of a database, which takes seconds, and has tests of its own."""
    if chosen():
        settings_of(data_dir, BEGUN)
    elif not data_dir.exists():
        data_dir.mkdir(mode=0o700)
        shutil.copy(_template(), data_dir / "trustyard.db")
        (data_dir / "trustyard.db").chmod(0o600)


def share_templates() -> None:
    """Where this process and those that it starts keep what one of them has made for all; goes away with it."""
    if TEMPLATES not in os.environ:
        os.environ[TEMPLATES] = tempfile.mkdtemp(prefix="trustyard-templates-")
        atexit.register(shutil.rmtree, os.environ[TEMPLATES], ignore_errors=True)


@functools.cache
def _template() -> Path:
    """A SQLite file as a first start leaves it."""
    share_templates()
    made = Path(os.environ[TEMPLATES]) / "trustyard.db"
    with (made.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one at a time, until the block ends
        if not made.exists():
            _migrate({"TRUSTYARD_DATA_DIR": str(made.parent / "data")}, begin=True)
            (made.parent / "data" / "trustyard.db").rename(made)
    return made


@contextmanager
def opened(data_dir: Path) -> Iterator[Any]:
    """The database of a server on this data directory, for statements of the test's own; each commits by itself."""
    address = settings_of(data_dir).get("TRUSTYARD_DATABASE_URL")
    if address:
        connection: Any = psycopg.connect(address, autocommit=True)
    else:
        connection = sqlite3.connect(data_dir / "trustyard.db", isolation_level=None)
    with closing(connection):
        yield connection


def _exists(connection: psycopg.Connection[Any], name: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def _make_template(connection: psycopg.Connection[Any], address: str, name: str) -> None:
    """A database to copy in a moment, while migrations take a second or two."""
    connection.execute("CREATE DATABASE trustyard_migrated")
    with tempfile.TemporaryDirectory() as folder:
        settings = {"TRUSTYARD_DATA_DIR": f"{folder}/data", "TRUSTYARD_DATABASE_URL": f"{address}trustyard_migrated"}
        _migrate(settings, begin=name == BEGUN)
    connection.execute(f"ALTER DATABASE trustyard_migrated RENAME TO {name}")  # type: ignore[call-overload]  # ours


def _migrate(settings: dict[str, str], *, begin: bool) -> None:
    """Makes our tables, with nothing in them or what a server begins with, in the time of day of this machine."""
    code = (
        "from trustyard.server import configuration, opening; "
        "opening.open_database(configuration.Configuration.from_environment())"
    )
    if begin:
        code += f"; from trustyard.server import firststart; firststart.first_start({PASSWORD!r})"
    others = ("TRUSTYARD_", "DJANGO_", "LD_", "FAKETIME_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**kept, **settings}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def touches(item: pytest.Item) -> bool:
    """Whether a test uses a database: by a fixture, or because a server is started."""
    assert isinstance(item, pytest.Function)
    return bool(FIXTURES & set(item.fixturenames) or item.get_closest_marker("django_db")) or starts(item)


def starts(item: pytest.Item) -> bool:
    """Whether a test, or a fixture of it, starts a server or a local command."""
    assert isinstance(item, pytest.Function)
    functions = [item.function]
    for definitions in item._fixtureinfo.name2fixturedefs.values():
        functions += [definition.func for definition in definitions]
    return any(_is_of_servers(function.__module__) for function in functions)


@functools.cache
def _is_of_servers(module: str) -> bool:
    return _serves(sys.modules[module], set())


def _serves(module: ModuleType, seen: set[str]) -> bool:
    """Whether this module of the tests, or one that it takes something from, asks for `settings_of`."""
    if not module.__name__.startswith("tests.") or module.__name__ in seen:
        return False
    seen.add(module.__name__)
    for value in vars(module).values():
        if value is settings_of and module.__name__ != __name__:
            return True
        owner = value.__module__ if isinstance(value, FunctionType | type) else getattr(value, "__name__", "")
        found = sys.modules.get(owner) if isinstance(owner, str) else None
        if found is not None and _serves(found, seen):
            return True
    return False
