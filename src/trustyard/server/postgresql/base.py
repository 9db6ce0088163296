"""The connection of one thread, kept between requests, with few ways to the database."""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.utils import debug_transaction

from . import silence
from .together import BEGIN, NOTHING, Cursor, Told, Waiting

_Django: Any = base.DatabaseWrapper  # its stubs leave out most of what is used here
_NamedCursor: Any = base.ServerSideCursor
_ServerCursor: Any = base.ServerBindingCursor


class _Psycopg:
    """psycopg as Django knows it, whose connections do not wait for a server that fell silent."""

    connect = staticmethod(silence.connect)

    def __getattr__(self, name: str) -> Any:
        return getattr(psycopg, name)


class DatabaseWrapper(_Django):  # type: ignore[misc]  # as above
    """Django's, with three differences.

    A server that fell silent is not waited for without end (`silence`).

    It looks at the socket before each request, where Django would ask the database and wait for its answer: a server
    that ended the connection has said so there; silence is what a good connection has. Only where something is to be
    read is the database asked, as Django does.

    And statements whose answer nobody waits for go together with the next one: `BEGIN`, what `later` is given, and the
    last ones of a transaction with its `COMMIT`. psycopg knows of no transaction then, but the database does.
    """

    Database = _Psycopg()
    health_check_done: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting = Waiting()

    def later(self, statement: str, values: Sequence[Any] = (), told: Told | None = None) -> None:
        """A statement of the transaction under way, sent with the next one or the commit, which also fail for it.

        `told` is given its rows then. Outside a transaction nothing follows for sure, so there it is sent at once.
        """
        with self.cursor() as cursor:
            if not self.autocommit:
                self._waiting.add(cursor.mogrify(statement, values or None), told)
                return
            cursor.execute(statement, values or None)
            if told is not None:
                told(cursor.fetchall())

    def prepared_cursor(self) -> Any:
        """A cursor for one statement that is asked often.

        An ordinary one where something is to be sent with it, or where the log shall have the statement in whole.
        """
        if self._waiting or self.queries_logged:
            return self.cursor()
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            return self._prepare_cursor(_ServerCursor(self.connection))

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Django's, with our cursor; from the second time on the plan of what a prepared cursor asks is kept."""
        connection = super().get_new_connection(conn_params)
        connection.cursor_factory, connection.prepare_threshold = Cursor, 1
        return connection

    def connect(self) -> None:
        """What waited for the connection before is gone with it."""
        self._waiting.forget()
        super().connect()

    def create_cursor(self, name: str | None = None) -> Any:
        """A cursor with a name is declared by psycopg itself, so what waits goes before it."""
        if name is None:
            cursor = super().create_cursor()
            cursor.waiting = self._waiting
            return cursor
        if self._waiting:
            self.create_cursor().execute(NOTHING)
        return _NamedCursor(self.connection, name=name, scrollable=False, withhold=self.autocommit)

    def close_if_health_check_failed(self) -> None:
        """Once for each request, before its first statement."""
        if self.connection is not None and not self.health_check_done and self._is_silent():
            self.health_check_done = True
        super().close_if_health_check_failed()

    def _is_silent(self) -> bool:
        connection = self.connection
        if connection is None or connection.closed:
            return False
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        return not poll.poll(0)

    def _set_autocommit(self, autocommit: bool) -> None:
        if autocommit:
            super()._set_autocommit(autocommit)
        else:
            self._waiting.add(BEGIN)

    def _commit(self) -> None:
        if self._waiting.is_empty_transaction:
            self._waiting.forget()
        elif self._waiting and self.connection is not None:
            with debug_transaction(self, "COMMIT"), self.wrap_database_errors:
                self.create_cursor().execute("COMMIT")
            return
        super()._commit()

    def _rollback(self) -> None:
        self._waiting.forget()
        super()._rollback()

    def _savepoint_rollback(self, sid: str) -> None:
        self._waiting.forget()  # the savepoint itself was sent, so these came after it
        super()._savepoint_rollback(sid)
