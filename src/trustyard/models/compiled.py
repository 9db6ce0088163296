"""Queries of every request, compiled by the ORM once: compiling them costs more than running them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

from .asking import Rows, ask
from .inserting import ask_later

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class _Text:
    sql: str
    parameters: tuple[Any, ...]  # in their places: constants, and the numbers of what is asked for
    asked: tuple[int | None, ...]
    compiler: Any
    converters: Any

    def filled(self, values: Sequence[str]) -> list[Any]:
        return [
            constant if place is None else values[place]
            for constant, place in zip(self.parameters, self.asked, strict=True)
        ]

    def converted(self, found: Rows) -> Rows:
        return list(map(tuple, self.compiler.apply_converters(found, self.converters))) if self.converters else found


class Compiled:
    """A query with text parameters: built once by the ORM through a function of those texts, then run with others."""

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self._build = build
        self._texts: dict[int, _Text] = {}

    def rows(self, *values: str) -> Rows:
        """The rows, as `values_list` gives them."""
        text = self._text(values)
        return text.converted(ask(text.sql, text.filled(values), prepared=True))

    def later(self, *values: str) -> Callable[[], Rows]:
        """As `rows`, with the next statement of the transaction: as `ask_later` does."""
        text = self._text(values)
        found = ask_later(text.sql, text.filled(values), prepared=True)
        return lambda: text.converted(found())

    def one(self, model: type[Row], *values: str) -> Row | None:
        """The object of the first row, where the query is for whole objects of this model."""
        found = self.rows(*values)
        names = [field.attname for field in model._meta.concrete_fields]
        return model.from_db(connection.alias, names, found[0]) if found else None

    def _text(self, values: Sequence[str]) -> _Text:
        return self._texts.get(len(values)) or self._write(len(values))

    def _write(self, count: int) -> _Text:
        names = [f"asked for: {number}" for number in range(count)]
        compiler = self._build(*names).query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        asked = tuple(names.index(one) if one in names else None for one in parameters)
        assert count == len([one for one in asked if one is not None])  # each stands in the query once
        converters = compiler.get_converters([one[0] for one in compiler.select])
        self._texts[count] = _Text(sql, tuple(parameters), asked, compiler, converters)
        return self._texts[count]
