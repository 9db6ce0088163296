"""What a connection keeps between statements: a cursor, and the plans of what is asked often in the same words."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

from psycopg.adapt import Transformer

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
        self._literals = Transformer(cursor)  # kept too: it remembers how each type is written
        self._calls: dict[str, str] = {}

    def written(self, statement: str, values: Sequence[Any], *, prepared: bool) -> str:
        """The statement with its values in it. What is `prepared` has only values, each as `%s`, that change."""
        call = (self._calls.get(statement) or self._prepare(statement)) if prepared else None
        if call is not None:
            return f"{call}({self._literals_of(values)})" if values else call
        text: str = self._cursor.mogrify(statement, values) if values else statement
        return text

    def _literals_of(self, values: Sequence[Any]) -> str:
        literal = self._literals.as_literal
        written = b", ".join([b"NULL" if value is None else literal(value) for value in values])
        return written.decode(self._literals.encoding)

    def rows(self, written: str) -> list[tuple[Any, ...]]:
        """What it answers, which may be nothing."""
        self._cursor.execute(written)
        return [] if self._cursor.rownumber is None else self._cursor.fetchall()

    def _prepare(self, statement: str) -> str | None:
        if len(self._calls) >= MOST:
            return None
        name, places = f"trustyard_{len(self._calls)}", itertools.count(1)

        def numbered(sign: re.Match[str]) -> str:
            return "%" if sign[0] == "%%" else f"${next(places)}"

        self._cursor.execute_alone(f"PREPARE {name} AS {_SIGN.sub(numbered, statement)}")
        self._calls[statement] = f"EXECUTE {name}"
        return self._calls[statement]
