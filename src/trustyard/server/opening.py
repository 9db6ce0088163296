"""Opens the database for a server or a local command: Django set up, tables as this version wants them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import django
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from trustyard.errors import Refused

from .configuration import Configuration
from .datadir import one_migration, prepare

MIGRATION_LOCK = 0x7472757374  # "trust", the number of our advisory lock


def set_up() -> None:
    """Django with our settings, which read the configuration anew; once in a process."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "trustyard.server.settings"
    django.setup()


def open_database(configuration: Configuration) -> None:
    """Data directory, Django, migrations. Raises Refused (`database`) with what is wrong."""
    prepare(configuration)
    set_up()
    try:
        with one_migration(configuration), one_node():
            _migrate()
    except DatabaseError as error:
        raise Refused(
            f"The database cannot be used: {str(error).strip()}.",
            code="database",
            advice="`trustyard check` says what is set.",
        ) from error


def behind() -> list[str]:
    """The migrations that this database lacks."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def _migrate() -> None:
    if behind():
        call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)


@contextmanager
def one_node() -> Iterator[None]:
    """Waits its turn among all nodes of the database."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
