"""Once more: a change that lost a race is made again, on what is stored by then; what the database cannot do now."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

import structlog
from django.db import IntegrityError, InterfaceError, OperationalError, connection

from trustyard.errors import Conflict, Unavailable

log = structlog.get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 3
_looking: ContextVar[bool] = ContextVar("looking_again", default=False)
# SQLSTATE of PostgreSQL: the transaction was chosen to give way to another. Nothing of it is stored.
GAVE_WAY = frozenset({"40001", "40P01"})  # serialization failure, deadlock


def looks_again(change: Callable[P, T]) -> Callable[P, T]:
    """Marks a change: where a constraint or a deadlock ends its transaction, it is made again, three times at most.

    The constraints guard; the second look names, in the words of every such refusal, who has the name, the alias or
    the key by now. Raises `Conflict` when others are quicker each time.
    """

    @functools.wraps(change)
    def made(*args: P.args, **kwargs: P.kwargs) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            token = _looking.set(attempt > 1)
            try:
                return change(*args, **kwargs)
            except IntegrityError as error:
                log.info("change.again", change=change.__qualname__, attempt=attempt, error=str(error).split("\n")[0])
            except OperationalError as error:
                # Within another transaction there is nothing to begin again: whoever opened that one does.
                if _state(error) not in GAVE_WAY or connection.in_atomic_block or attempt == ATTEMPTS:
                    raise
                log.info("change.gave_way", change=change.__qualname__, attempt=attempt)
            finally:
                _looking.reset(token)
        log.warning("change.lost", change=change.__qualname__)
        raise Conflict(
            "Somebody else changes the same at this moment.", advice="Look at what is stored now, and repeat."
        )

    return made


def is_second_look() -> bool:
    """Whether a constraint ended this change before: then it is time to ask which, and to say whose the thing is."""
    return _looking.get()


def unavailable(error: BaseException) -> Unavailable | None:
    """What to say where the database is away, stopped the statement or made it wait too long; None for other errors.

    The transaction was taken back whole, unless the connection broke in the moment of its commit.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    log.warning("database.unavailable", state=_state(error), error=str(error).split("\n")[0])
    return Unavailable(
        "The database does not answer, or is busy with another change.",
        code="database-unavailable",
        advice="Repeat it in a moment; look first whether it is stored already.",
    )


def _state(error: Exception) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)
