"""Hand-written SQL statements, run with as little overhead as possible."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

Rows = list[tuple[Any, ...]]
_HERE = threading.local()


def database() -> Any:
    """The connection of this thread, which Django never exchanges, and would look for anew at each use."""
    try:
        return _HERE.database
    except AttributeError:
        _HERE.database = connections[DEFAULT_DB_ALIAS]
        return _HERE.database


def ask(statement: str, values: Sequence[Any] = (), *, prepared: bool = False) -> Rows:
    """The rows that a statement answers, which may be none.

    What is `prepared` is asked often and in the same words: PostgreSQL keeps its plan, on the connection that is ours.
    """
    found = database()
    if hasattr(found, "ask"):  # ours, of trustyard.server.postgresql
        rows: Rows = found.ask(statement, values, prepared=prepared)
        return rows
    with found.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []
