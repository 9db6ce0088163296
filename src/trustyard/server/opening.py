"""Opens the database for a server or a local command: Django set up, tables as this version wants them."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import django
import structlog
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from trustyard.errors import Refused

from .configuration import Configuration, unknown
from .datadir import has_database, make_folder, one_migration, prepare

log = structlog.get_logger(__name__)
LOCK_SECONDS = 0.1  # between two tries
MIGRATION_LOCK = 0x7472757374  # "trust", the number of our advisory lock
ENDS_OLDER = "_ends_older"  # ends the name of a migration that the previous version cannot run with


def set_up() -> None:
    """Sets up Django with the settings, which read the configuration; once per process."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "trustyard.server.settings"
    django.setup()


def tell_unknown() -> None:
    """Logs each variable of the environment that is named like a setting and is none."""
    for name in unknown(os.environ):
        log.warning("settings.unknown", setting=name)


def open_database(configuration: Configuration, *, changes: bool = True, new: bool = True) -> None:
    """Data directory, Django, and unless told otherwise migrations. Without `new` there must be a Trustyard already.

    On PostgreSQL no secret key is made here: a database in use has one, and another would be taken for it.

    Raises Refused (`database`) with what is wrong, (`database-newer`) where a newer version left this one no way,
    (`no-database`) where there is none to open, and then nothing was made.
    """
    if not new and configuration.sqlite and not has_database(configuration):
        raise _nothing(f"in the data directory {configuration.data_dir}: it has no database")
    if configuration.sqlite:
        prepare(configuration)
    else:
        make_folder(configuration)
    set_up()
    try:
        with alone(configuration):
            if not new and not applied():
                raise _nothing("in this database: it has no tables")
            if changes:
                migrate()
    except DatabaseError as error:
        raise Refused(
            f"The database cannot be used: {in_words(error)}",
            code="database",
            advice="`trustyard check` says what is set.",
        ) from error


def in_words(error: Exception) -> str:
    """The message of a database error on one line, with a full stop; libpq's messages have several."""
    line = " ".join(str(error).split())
    return line if line.endswith((".", "?", "!")) else f"{line}."


def _nothing(where: str) -> Refused:
    return Refused(
        f"There is no Trustyard {where}.",
        code="no-database",
        advice="Give this command the TRUSTYARD_* of the server: `trustyard check` says what is set.",
    )


def behind() -> list[str]:
    """The migrations that this database lacks."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [_name(migration) for migration, _ in plan]


def ahead() -> list[str]:
    """The migrations of Trustyard that this database has and this version does not know."""
    known = MigrationExecutor(connection).loader.disk_migrations
    return [f"trustyard.{name}" for name in sorted(applied()["trustyard"]) if ("trustyard", name) not in known]


def ending(newer: list[str]) -> list[str]:
    """Those of a newer version's migrations that this version cannot run with."""
    return [name for name in newer if name.endswith(ENDS_OLDER)]


def applied() -> dict[str, set[str]]:
    """The migrations that this database has had, by app."""
    found: dict[str, set[str]] = defaultdict(set)
    for app, name in MigrationRecorder(connection).applied_migrations():
        found[app].add(name)
    return found


def migrate() -> None:
    """Migrates the tables to this version. Those of a newer version are left as they are, where this one can run.

    Raises Refused (`database-newer`) where it does not.
    """
    newer = ahead()
    if ended := ending(newer):
        raise Refused(
            f"The database is of a newer Trustyard ({', '.join(ended)}), and this version cannot work with it.",
            code="database-newer",
            advice="Start the newer version, or restore a backup that was made before the upgrade.",
        )
    if newer:
        log.warning("database.newer", migrations=newer, advice="Upgrade this node too: docs/operations.md")
    missing = behind()
    if missing:
        refuse_other_encoding()
    while missing:
        executor = Executor(connection)
        with suppress(Recorded):
            executor.migrate(executor.loader.graph.leaf_nodes())
        missing = behind()
    call_command("createcachetable", verbosity=0)


def other_encoding() -> str:
    """The sentence about a PostgreSQL that takes not every character, or nothing."""
    if connection.vendor != "postgresql":
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        (found,) = cursor.fetchone()
    return "" if found == "UTF8" else f"The database's encoding is {found}: names of every script need UTF8."


def refuse_other_encoding() -> None:
    """Before the first table is made in it, for then nothing has to be moved. Raises Refused (`database`)."""
    if not applied() and (sentence := other_encoding()):
        advice = "Make it with createdb --encoding=UTF8 --template=template0."
        raise Refused(sentence, code="database", advice=advice)


class Recorded(Exception):
    """A migration that was there has its record now."""


class Executor(MigrationExecutor):
    """Django's, with a migration and the row that records it in one transaction.

    Django writes that row afterwards, where there are indexes to make: a disk that was full by then, or a kill, left a
    table that no later start could make again. What is not atomic is idempotent instead.
    """

    def apply_migration(self, state: Any, migration: Any, fake: bool = False, fake_initial: bool = False) -> Any:
        """One migration, whole or not at all. A failure names it.

        Raises Recorded where it was there: this executor does not know what it makes, and a new one goes on.
        """
        if not migration.atomic:
            return super().apply_migration(state, migration, fake, fake_initial)
        try:
            # SQLite makes tables anew with its constraints off, and turns them off outside a transaction alone.
            with connection.constraint_checks_disabled(), transaction.atomic():
                return super().apply_migration(state, migration, fake, fake_initial)
        except DatabaseError as error:
            if not self.is_there(migration):
                raise type(error)(f"{_name(migration)}: {error}") from error
        log.warning("database.record_added", migration=_name(migration))
        self.recorder.record_applied(migration.app_label, migration.name)
        raise Recorded

    def is_there(self, migration: Any) -> bool:
        """Whether what it makes is there: versions until November 2026 could be killed between it and its record.

        It was one transaction then, too, so where its tables and columns are all there, so is the rest of it.
        """
        first, migration.initial = migration.initial, True  # of these alone Django answers that
        try:
            return bool(migration.atomic and self.detect_soft_applied(None, migration)[0])
        except DatabaseError:  # it is away: what it said first tells more
            return False
        finally:
            migration.initial = first


def unrecorded() -> list[str]:
    """The migrations that are there already and only their records are not; mostly none."""
    executor = Executor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [_name(migration) for migration, _ in plan if executor.is_there(migration)]


def _name(migration: Any) -> str:
    return f"{migration.app_label}.{migration.name}"


@contextmanager
def alone(configuration: Configuration) -> Iterator[None]:
    """Locks the tables against other migrations: of processes of this data directory, and of nodes of this database."""
    with one_migration(configuration), one_node():
        yield


@contextmanager
def one_node() -> Iterator[None]:
    """Waits its turn among all nodes of the database."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        # However long a large table takes.
        cursor.execute("SET lock_timeout = 0; SET statement_timeout = 0")
        # Asked again and again: a statement that waits is one that CREATE INDEX CONCURRENTLY waits for in its turn.
        while not _has_lock(cursor):
            time.sleep(LOCK_SECONDS)
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
            cursor.execute("RESET lock_timeout; RESET statement_timeout")


def _has_lock(cursor: Any) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATION_LOCK])
    return bool(cursor.fetchone()[0])
