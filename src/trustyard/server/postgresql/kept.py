"""What a connection keeps between statements: a cursor, and the plans of what is asked often in the same words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .together import Cursor

_SIGN = re.compile("%[%s]")  # a percent sign, or the place of a value
MOST = 100  # statements that a connection keeps prepared; ours are some twenty


class Kept:
    """One cursor, read to its end before it is used again, and prepared statements by their text.

    They are prepared in SQL (`PREPARE`, `EXECUTE`) and not by the driver's protocol, where each goes alone: so they may
    travel together with others. A transaction that is taken back leaves them prepared.
    """

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._calls: dict[str, str] = {}

    def written(self, statement: str, values: Sequence[Any], *, prepared: bool) -> str:
        """The statement with its values in it. What is `prepared` has only values, each as `%s`, that change."""
        if prepared:
            statement = self._calls.get(statement) or self._prepare(statement)
        text: str = self._cursor.mogrify(statement, values) if values else statement
        return text

    def rows(self, written: str) -> list[tuple[Any, ...]]:
        """What it answers, which may be nothing."""
        self._cursor.execute(written)
        return [] if self._cursor.rownumber is None else self._cursor.fetchall()

    def _prepare(self, statement: str) -> str:
        if len(self._calls) >= MOST:
            return statement
        name, places = f"trustyard_{len(self._calls)}", []

        def numbered(sign: re.Match[str]) -> str:
            if sign[0] == "%%":
                return "%"
            places.append("%s")
            return f"${len(places)}"

        self._cursor.execute_alone(f"PREPARE {name} AS {_SIGN.sub(numbered, statement)}")
        self._calls[statement] = f"EXECUTE {name}({', '.join(places)})" if places else f"EXECUTE {name}"
        return self._calls[statement]
