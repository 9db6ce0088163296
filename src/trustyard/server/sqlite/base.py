"""The connection of one thread, which waits for its turn to write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3 import base

from .turns import SECONDS, Turns

WRITES = ("INSERT", "UPDATE", "DELETE", "DROP")
TURNS = Turns()  # of this process, which has one database

_Django: Any = base.DatabaseWrapper  # its stubs leave out most of what is used here
_Cursor: Any = base.SQLiteCursorWrapper


class DatabaseWrapper(_Django):  # type: ignore[misc]  # as above
    """Django's, but who writes in this process comes in the order in which they asked.

    SQLite has one writer at a time. Whoever finds it at work sleeps, up to a tenth of a second, and looks again;
    meanwhile others go first, so that with many writers one of them waits for seconds. Other processes still wait so.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_turn = False

    def create_cursor(self, name: str | None = None) -> Any:
        """A cursor that waits for its turn outside transactions too."""
        return self.connection.cursor(factory=Cursor)

    def _start_transaction_under_autocommit(self) -> None:
        with self.wrap_database_errors:
            _take()
        self._has_turn = True
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._leave()
            raise

    def _commit(self) -> None:
        super()._commit()
        self._leave()  # where it failed, a rollback follows

    def _rollback(self) -> None:
        try:
            super()._rollback()
        finally:
            self._leave()

    def _close(self) -> None:
        try:
            super()._close()
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._has_turn:
            self._has_turn = False
            TURNS.leave()


class Cursor(_Cursor):  # type: ignore[misc]  # as above
    """Django's; what writes outside a transaction is one by itself, and has a turn for that long."""

    def execute(self, query: str, params: Any = None) -> Any:
        with self._turn(query):
            return super().execute(query, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        with self._turn(query):
            return super().executemany(query, param_list)

    @contextmanager
    def _turn(self, query: str) -> Iterator[None]:
        if self.connection.in_transaction or not query.startswith(WRITES):
            yield
            return
        _take()
        try:
            yield
        finally:
            TURNS.leave()


def _take() -> None:
    if not TURNS.take(SECONDS):
        raise sqlite3.OperationalError("database is locked")  # as SQLite itself says it
