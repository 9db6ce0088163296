"""The last primary keys that tables have given out.

None ever comes again, even when its row was deleted: tokens of gateways and ETags hold it.
"""

from __future__ import annotations

from django.db import connection
from django.db.models import AutoField, BigAutoField, Model


def last_number(model: type[Model]) -> int | None:
    """The last number that this table gave out (0: none yet); None where its keys are not numbered."""
    key = model._meta.pk
    if not isinstance(key, AutoField | BigAutoField):
        return None
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SELECT last_value, is_called FROM {_sequence(model)}")  # noqa: S608 - our own table
            value, used = cursor.fetchone() or (0, True)
            return int(value) if used else int(value) - 1
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [model._meta.db_table])
        return int((cursor.fetchone() or (0,))[0])


def go_on_after(model: type[Model], number: int) -> None:
    """Has the next row of this table get a number above this one. To be called once its rows are there."""
    if number < 1:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT setval(%s, %s)", [_sequence(model), number])
            return
        table = model._meta.db_table
        cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
        cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, number])


def _sequence(model: type[Model]) -> str:
    with connection.cursor() as cursor:
        # The first wants a quoted name, the second a bare one.
        table, column = connection.ops.quote_name(model._meta.db_table), model._meta.pk.column
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [table, column])
        (name,) = cursor.fetchone() or ("",)
        return str(name)
