"""Statements that wait for the next one, and are sent together with it in one round trip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from django.db.backends.postgresql import base

BEGIN = "BEGIN"
NOTHING = "SELECT"
Told = Callable[[list[tuple[Any, ...]]], None]


class Waiting:
    """What was not sent yet, in its order; `told` is given the rows of a statement once they are there."""

    def __init__(self) -> None:
        self._statements: list[tuple[str, Told | None]] = []

    def __bool__(self) -> bool:
        return bool(self._statements)

    @property
    def is_empty_transaction(self) -> bool:
        """Whether one was begun and nothing asked in it."""
        return [statement for statement, _ in self._statements] == [BEGIN]

    def add(self, statement: str, told: Told | None = None) -> None:
        """Adds a statement, with its values in it."""
        self._statements.append((statement, told))

    def take(self) -> list[tuple[str, Told | None]]:
        """Returns all of them; none waits any more."""
        taken, self._statements = self._statements, []
        return taken

    def forget(self) -> None:
        """Drops the waiting statements: their transaction is rolled back."""
        self._statements.clear()


_Django: Any = base.Cursor  # comes without types


class Cursor(_Django):  # type: ignore[misc]  # as above
    """Django's cursor; what waits on its connection goes first, and where that fails, so does what is executed."""

    waiting: Waiting | None = None  # none where Django asks whether its connection lives

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Sends what waits and this; leaves the result of this one."""
        if not self.waiting:
            super().execute(query, params, **options)
            return self
        last = query if params is None and isinstance(query, str) else self.mogrify(query, params)
        before = self.waiting.take()
        super().execute("; ".join([*[statement for statement, _ in before], last]), None, **options)
        for place, (_, told) in enumerate(before):
            if told is not None:
                told(self.set_result(place).fetchall())
        self.set_result(len(before))
        return self

    def execute_alone(self, query: str) -> None:
        """Sends this; what waits goes on waiting."""
        super().execute(query)

    def executemany(self, *args: Any, **options: Any) -> None:
        """Sends what waits, then these."""
        if self.waiting:
            self.execute(NOTHING)
        super().executemany(*args, **options)
