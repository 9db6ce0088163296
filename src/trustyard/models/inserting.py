"""Inserts that every save makes, as one plain statement each: the ORM takes longer to write them than to run them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Field, Model


def insert(rows: Sequence[Model], *, ignore: bool = False) -> None:
    """Inserts new objects of one model and gives them their numbers; `ignore` passes over those that are there.

    No signals are sent: nobody here listens to any.
    """
    statement, values = statement_of(rows)
    numbered = type(rows[0])._meta.auto_field is not None and not ignore
    statement += " ON CONFLICT DO NOTHING" if ignore else ""
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} RETURNING id" if numbered else statement, values)
        numbers = cursor.fetchall() if numbered else []
    for row, (number,) in zip(rows, numbers, strict=False):
        row.pk = number
        row._state.adding, row._state.db = False, connection.alias


def statement_of(rows: Sequence[Model]) -> tuple[str, list[Any]]:
    """`INSERT INTO …` with the values of these objects of one model, without their numbers."""
    options = type(rows[0])._meta
    fields: list[Field[Any, Any]] = [field for field in options.concrete_fields if field is not options.auto_field]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * len(rows))
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in fields]
    return f'INSERT INTO "{options.db_table}" ({columns}) VALUES {places}', values  # noqa: S608 - columns of the model
