"""Queries of every request, compiled by the ORM once: compiling them costs more than running them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

from .asking import ask

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class _Text:
    sql: str
    parameters: tuple[Any, ...]  # in their places: constants, and the numbers of what is asked for
    asked: tuple[int | None, ...]
    compiler: Any
    converters: Any


class Compiled:
    """A query with text parameters: built once by the ORM through a function of those texts, then run with others."""

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self._build = build
        self._texts: dict[int, _Text] = {}

    def rows(self, *values: str) -> list[tuple[Any, ...]]:
        """The rows, as `values_list` gives them."""
        text = self._texts.get(len(values)) or self._write(len(values))
        asked = [
            constant if place is None else values[place]
            for constant, place in zip(text.parameters, text.asked, strict=True)
        ]
        found = ask(text.sql, asked, prepared=True)
        return list(map(tuple, text.compiler.apply_converters(found, text.converters))) if text.converters else found

    def one(self, model: type[Row], *values: str) -> Row | None:
        """The object of the first row, where the query is for whole objects of this model."""
        found = self.rows(*values)
        names = [field.attname for field in model._meta.concrete_fields]
        return model.from_db(connection.alias, names, found[0]) if found else None

    def _write(self, count: int) -> _Text:
        names = [f"asked for: {number}" for number in range(count)]
        compiler = self._build(*names).query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        asked = tuple(names.index(one) if one in names else None for one in parameters)
        assert count == len([one for one in asked if one is not None])  # each stands in the query once
        converters = compiler.get_converters([one[0] for one in compiler.select])
        self._texts[count] = _Text(sql, tuple(parameters), asked, compiler, converters)
        return self._texts[count]
