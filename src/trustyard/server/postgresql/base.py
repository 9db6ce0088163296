"""The connection of one thread, kept between requests, with few round trips to the database."""

from __future__ import annotations

import select
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.utils import debug_transaction

from . import silence
from .kept import Kept
from .moments import Moments
from .together import BEGIN, NOTHING, Cursor, Told, Waiting

_Django: Any = base.DatabaseWrapper  # its stubs leave out most of what is used here
_NamedCursor: Any = base.ServerSideCursor
_READ_ONLY = "SHOW default_transaction_read_only"


class _Psycopg:
    """psycopg for Django, with connections that give up on a server that fell silent."""

    connect = staticmethod(silence.connect)

    def __getattr__(self, name: str) -> Any:
        return getattr(psycopg, name)


class DatabaseWrapper(_Django):  # type: ignore[misc]  # as above
    """Django's, with four differences.

    A server that fell silent is not waited for without end (`silence`).

    It looks at the socket before each request, where Django would ask the database and wait for its answer: a server
    that ended the connection has said so there; silence is what a good connection has. Only where something is to be
    read is the database asked, as Django does.

    Statements whose answer nobody waits for go together with the next one: `BEGIN`, what `later` is given, and the
    last ones of a transaction with its `COMMIT`. psycopg knows of no transaction then, but the database does.

    And what is given to `ask` and `later` goes by one cursor and, where it is asked often, by a plan that are kept.
    """

    Database = _Psycopg()
    health_check_done: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting = Waiting()
        self._kept: Kept | None = None

    def ask(self, statement: str, values: Sequence[Any] = (), *, prepared: bool = False) -> list[tuple[Any, ...]]:
        """The rows of a statement, with a cursor that is kept, since making one takes longer than asking.

        Where it is `prepared`, its plan is kept too, from the first time on.
        """
        if self.queries_logged or self.execute_wrappers:  # these want to see each statement
            with self.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []
        self.validate_no_broken_transaction()
        with self.wrap_database_errors:
            kept = self._living()
            return kept.rows(kept.written(statement, values, prepared=prepared))

    def later(
        self, statement: str, values: Sequence[Any] = (), told: Told | None = None, *, prepared: bool = False
    ) -> None:
        """A statement of the transaction under way, sent with the next one or the commit, which also fail for it.

        `told` is given its rows then. Outside a transaction nothing follows for sure, so there it is sent at once.
        """
        if self.autocommit:
            rows = self.ask(statement, values, prepared=prepared)
            if told is not None:
                told(rows)
            return
        with self.wrap_database_errors:
            written = self._living().written(statement, values, prepared=prepared)
        self._waiting.add(written, told)

    def _living(self) -> Kept:
        """What the connection keeps, after it was looked at as before any cursor."""
        if not self.health_check_done:
            self.close_if_health_check_failed()
        if self.connection is None or self._kept is None:
            self.ensure_connection()
            self._kept = Kept(self.create_cursor())
        return self._kept

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Django's, with our cursor and our reader of moments."""
        connection = super().get_new_connection(conn_params)
        connection.cursor_factory = Cursor
        connection.adapters.register_loader("timestamptz", Moments)
        return connection

    def connect(self) -> None:
        """Drops what waited for the previous connection, and what that one kept."""
        self._waiting.forget()
        self._kept = None
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

    def is_usable(self) -> bool:
        """Asked after an error. One that was begun while the database took no writes keeps to that, so it ends."""
        if not super().is_usable():
            return False
        with suppress(psycopg.Error):
            (answer,) = self.connection.cursor().execute(_READ_ONLY).fetchone()
            return bool(answer == "off")
        return False

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
