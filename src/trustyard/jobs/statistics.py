"""SQLite counts its rows, so that it knows which index is the quicker one; PostgreSQL does so by itself.

Figures of what has grown since are worse than none: with two environments and hardly an entry, as it remembered, SQLite
read twenty thousand entries for each of a page. So small tables have none, and those that grow are counted anew.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import connection, transaction

from trustyard.models.connections import looked_after

SAMPLE = 400  # rows looked at in each index, which takes milliseconds however long the tables are
FEW = 1_000  # rows of which any index is quick; so many more, and twice as many as were counted, are counted anew


class Statistics:
    """Remembers how long the tables were when they were counted last."""

    def __init__(self) -> None:
        self._counted: dict[str, int] = {}

    def look(self) -> None:
        """Counts where a table has grown, and drops the figures where all are short."""
        with looked_after(), connection.cursor() as cursor:
            rows = _lengths(cursor)
            if all(length < FEW for length in rows.values()):
                _drop(cursor)
                self._counted = {}
            elif any(length >= 2 * self._counted.get(table, 0) + FEW for table, length in rows.items()):
                cursor.execute(f"PRAGMA analysis_limit = {SAMPLE}")
                with transaction.atomic():
                    _drop(cursor)  # with the table of the figures made anew, every open connection reads them again
                    cursor.execute("ANALYZE")
                self._counted = rows


def _lengths(cursor: Any) -> dict[str, int]:
    """At least as many rows as there are of each model, without reading them."""
    models = apps.get_app_config("trustyard").get_models(include_auto_created=True)
    names = [model._meta.db_table for model in models]
    cursor.execute(" UNION ALL ".join(f"SELECT '{name}', MAX(rowid) FROM \"{name}\"" for name in names))  # noqa: S608 - names of ours
    return {name: length or 0 for name, length in cursor.fetchall()}


def _drop(cursor: Any) -> None:
    cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE 'sqlite\\_stat%' ESCAPE '\\'")
    for (name,) in cursor.fetchall():
        cursor.execute(f'DROP TABLE "{name}"')
