"""Retries of changes that lost a race, and the errors that tell that the database cannot be used now."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

import structlog
from django.db import IntegrityError, InterfaceError, InternalError, OperationalError, connection

from trustyard.errors import Conflict, Unavailable

log = structlog.get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 3
_retrying: ContextVar[bool] = ContextVar("retrying", default=False)
# SQLSTATE of PostgreSQL: the transaction was chosen to give way to another. Nothing of it is stored.
GAVE_WAY = frozenset({"40001", "40P01"})  # serialization failure, deadlock
READ_ONLY = frozenset({"25006", "SQLITE_READONLY"})
FULL = frozenset({"53100", "SQLITE_FULL"})
FELL_SILENT = "25P03"  # a transaction that was ended because its program said nothing for too long


def retried(change: Callable[P, T]) -> Callable[P, T]:
    """Decorates a change: when a constraint or a deadlock ends its transaction, it is run again, three times at most.

    The constraints are the guard. The second run finds what the winner stored, so that the refusal can say who has the
    name, the alias or the key by now. Raises `Conflict` when every run loses.
    """

    @functools.wraps(change)
    def made(*args: P.args, **kwargs: P.kwargs) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            token = _retrying.set(attempt > 1)
            try:
                return change(*args, **kwargs)
            except IntegrityError as error:
                log.info("change.again", change=change.__qualname__, attempt=attempt, error=str(error).split("\n")[0])
            except OperationalError as error:
                # Inside an outer transaction nothing can be retried here: its owner does that.
                if _state(error) not in GAVE_WAY or connection.in_atomic_block or attempt == ATTEMPTS:
                    raise
                log.info("change.gave_way", change=change.__qualname__, attempt=attempt)
            finally:
                _retrying.reset(token)
        log.warning("change.lost", change=change.__qualname__)
        raise Conflict(
            "Somebody else changes the same at this moment.", advice="Look at what is stored now, and repeat."
        )

    return made


def is_retry() -> bool:
    """Whether a constraint ended an earlier run of this change: then it is worth a query to find out who was first."""
    return _retrying.get()


def unavailable(error: BaseException) -> Unavailable | None:
    """What to say where the database is away, refuses writes or made it wait too long; else None.

    The transaction was taken back whole, unless the connection broke in the moment of its commit.
    """
    state = _state(error)
    if not isinstance(error, OperationalError | InterfaceError) and not _is_refused_write(error, state):
        return None
    log.warning("database.unavailable", state=state, error=str(error).split("\n")[0])
    if state in READ_ONLY | FULL:
        why = "is read-only" if state in READ_ONLY else "has no room left"
        return Unavailable(
            f"The database takes no changes now: it {why}. Nothing was stored.",
            code="database-read-only",
            advice="Reading goes on. Repeat the change when whoever runs the database has seen to it.",
        )
    return Unavailable(
        "The database does not answer, or is busy with another change.",
        code="database-unavailable",
        advice="Repeat it in a moment; look first whether it is stored already.",
    )


def _is_refused_write(error: BaseException, state: str | None) -> bool:
    """PostgreSQL counts these among its internal errors."""
    return isinstance(error, InternalError) and state in {*READ_ONLY, FELL_SILENT}


def _state(error: BaseException) -> str | None:
    """SQLSTATE of PostgreSQL, or the name of SQLite's code."""
    cause = error.__cause__
    found: str | None = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    return found
