"""The inserts of a save as one plain statement each: the ORM takes longer to compile them than to run them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Field, ForeignKey, JSONField, Model

from .asking import Rows, ask, database

Told = Callable[[Rows], None]
_PLAIN: frozenset[type] = frozenset({str, int, bool, bytes, type(None)})


def insert(rows: Sequence[Model], *, ignore: bool = False, later: bool = False) -> None:
    """Inserts new objects of one model and gives them their numbers; `ignore` passes over those that are there.

    No signals are sent: nobody here listens to any. With `later` they may be stored, and have their numbers, when the
    next statement of the transaction is. One that refers to an object without a number yet refers to the newest of its
    kind, which waits before it.
    """
    newest = _without_number(rows[0]) if later else []
    statement, values = statement_of(rows, newest)
    numbered = type(rows[0])._meta.auto_field is not None and not ignore
    statement += " ON CONFLICT DO NOTHING" if ignore else ""
    alias, alone = database().alias, len(rows) == 1
    for row in rows:
        row._state.adding, row._state.db = False, alias
    if not numbered:
        run_later(statement, values, prepared=alone)
    elif later:
        told = functools.partial(_number, rows, newest)
        run_later(f"{statement} RETURNING id", values, told, prepared=alone)
    else:
        _number(rows, newest, ask(f"{statement} RETURNING id", values, prepared=alone))


def _number(rows: Sequence[Model], newest: Sequence[ForeignKey[Any, Any]], numbers: Rows) -> None:
    for row, (number,) in zip(rows, numbers, strict=True):
        row.pk = number
        for field in newest:  # which were told before
            setattr(row, field.attname, getattr(row, field.name).pk)


def run_later(statement: str, values: Sequence[Any] = (), told: Told | None = None, *, prepared: bool = False) -> None:
    """Runs a statement of a transaction; on PostgreSQL it may travel with the next one, and fail there.

    `told` is given the rows that it answers; `prepared` is as for `ask`.
    """
    found = database()
    if hasattr(found, "later"):  # ours, of trustyard.server.postgresql
        found.later(statement, values, told, prepared=prepared)
        return
    rows = ask(statement, values)
    if told is not None:
        told(rows)


def ask_later(statement: str, values: Sequence[Any] = (), *, prepared: bool = False) -> Callable[[], Rows]:
    """Asks as `ask` does, but with the next statement of the transaction.

    The rows are what the result answers: for nothing once they are there, else what waits is sent for them.
    """
    told: list[Rows] = []
    run_later(statement, values, told.append, prepared=prepared)

    def rows() -> Rows:
        if not told:
            ask("SELECT")  # nothing: what waits goes before it
        return told[0]

    return rows


def statement_of(rows: Sequence[Model], newest: Sequence[ForeignKey[Any, Any]] = ()) -> tuple[str, list[Any]]:
    """`INSERT INTO …` with the values of these objects of one model, without their numbers.

    What they refer to by `newest` is the object that this connection inserted last, which only PostgreSQL can say.
    """
    columns, places, values = parts_of(rows, tuple(field.name for field in newest))
    for field in newest:
        columns += f', "{field.column}"'
        places += f", currval(pg_get_serial_sequence('{field.related_model._meta.db_table}', 'id'))"
    several = ", ".join([f"({places})"] * len(rows))
    table = type(rows[0])._meta.db_table
    return f'INSERT INTO "{table}" ({columns}) VALUES {several}', values  # noqa: S608 - columns of the model


def parts_of(rows: Sequence[Model], but: tuple[str, ...] = ()) -> tuple[str, str, list[Any]]:
    """The columns but their numbers and these, the places of one row's values, and the values of all rows."""
    found = database()
    values = []
    table = _table(type(rows[0]), but, found.vendor)
    for row in rows:
        for field, name, is_set, as_they_are in table.fields:
            value = field.pre_save(row, add=True) if is_set else getattr(row, name)
            values.append(value if type(value) in as_they_are else field.get_db_prep_save(value, found))
    return table.columns, table.places, values


class _Table(NamedTuple):
    """What an insert names of a model: the columns, a place for each value, and where the values come from."""

    columns: str
    places: str
    fields: tuple[_Column, ...]


class _Column(NamedTuple):
    """A field of a model, and what is known of its values beforehand."""

    field: Field[Any, Any]
    name: str  # under which an object has the value
    is_set: bool  # by the field itself, when the object is saved
    as_they_are: frozenset[type]  # values of these types go to the database so


def _without_number(row: Model) -> list[ForeignKey[Any, Any]]:
    """The references of an object to others that have no primary key yet."""
    return [
        field
        for field in _references(type(row))
        if getattr(row, field.attname) is None and field.get_cached_value(row, None) is not None
    ]


@functools.cache
def _references(model: type[Model]) -> list[ForeignKey[Any, Any]]:
    return [field for field in model._meta.concrete_fields if isinstance(field, ForeignKey)]


@functools.cache
def _table(model: type[Model], but: tuple[str, ...], vendor: str) -> _Table:
    plain = _PLAIN | {datetime} if vendor == "postgresql" else _PLAIN  # SQLite has no type for moments
    fields = tuple(
        _Column(
            field,
            field.attname,
            is_set=getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False),
            as_they_are=frozenset() if isinstance(field, JSONField) else plain,
        )
        for field in model._meta.concrete_fields
        if field is not model._meta.auto_field and field.name not in but
    )
    columns = ", ".join(f'"{field.column}"' for field, *_ in fields)
    return _Table(columns, ", ".join(["%s"] * len(fields)), fields)
