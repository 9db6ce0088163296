"""Inserts that every save makes, as one plain statement each: the ORM takes longer to write them than to run them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from django.db import connection
from django.db.models import Field, Model

Told = Callable[[list[tuple[Any, ...]]], None]


def insert(rows: Sequence[Model], *, ignore: bool = False, later: bool = False) -> None:
    """Inserts new objects of one model and gives them their numbers; `ignore` passes over those that are there.

    No signals are sent: nobody here listens to any. With `later` they may be stored, and have their numbers, when the
    next statement of the transaction is.
    """
    statement, values = statement_of(rows)
    numbered = type(rows[0])._meta.auto_field is not None and not ignore
    statement += " ON CONFLICT DO NOTHING" if ignore else ""
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias
    if not numbered:
        run_later(statement, values)
    elif later:
        run_later(f"{statement} RETURNING id", values, lambda numbers: _number(rows, numbers))
    else:
        with connection.cursor() as cursor:
            cursor.execute(f"{statement} RETURNING id", values)
            _number(rows, cursor.fetchall())


def _number(rows: Sequence[Model], numbers: list[tuple[Any, ...]]) -> None:
    for row, (number,) in zip(rows, numbers, strict=True):
        row.pk = number


def run_later(statement: str, values: Sequence[Any] = (), told: Told | None = None) -> None:
    """Runs a statement of a transaction; on PostgreSQL it may travel with the next one, and fail there.

    `told` is given the rows that it answers.
    """
    if hasattr(connection, "later"):  # ours, of trustyard.server.postgresql
        connection.later(statement, values, told)
        return
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        if told is not None:
            told(cursor.fetchall())


def statement_of(rows: Sequence[Model]) -> tuple[str, list[Any]]:
    """`INSERT INTO …` with the values of these objects of one model, without their numbers."""
    columns, places, values = parts_of(rows)
    several = ", ".join([f"({places})"] * len(rows))
    table = type(rows[0])._meta.db_table
    return f'INSERT INTO "{table}" ({columns}) VALUES {several}', values  # noqa: S608 - columns of the model


def parts_of(rows: Sequence[Model], but: Collection[str] = ()) -> tuple[str, str, list[Any]]:
    """The columns but their numbers and these, the places of one row's values, and the values of all rows."""
    options = type(rows[0])._meta
    left_out = {options.auto_field, *map(options.get_field, but)}
    fields: list[Field[Any, Any]] = [field for field in options.concrete_fields if field not in left_out]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in fields]
    return columns, ", ".join(["%s"] * len(fields)), values
