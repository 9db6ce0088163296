"""Values of columns as JSON and back, the same whatever the database."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import BinaryField, Field, JSONField, Model

Reader = Callable[[Any], Any]
# What a line raises that was not written for this table.
FOREIGN = (ValueError, TypeError, AttributeError, RecursionError, ArithmeticError, FieldDoesNotExist, ValidationError)


def written(row: Sequence[Any]) -> bytes:
    """One row as a line."""
    return json.dumps(row, separators=(",", ":"), default=_plain).encode("ascii") + b"\n"


def read(model: type[Model], names: Sequence[str], line: bytes) -> dict[str, Any]:
    """The values of a line, by the names of its columns."""
    values = json.loads(line)
    found = dict(zip(names, values, strict=True))
    for name, reader in _readers(model, names):
        if found[name] is not None:
            found[name] = reader(found[name])
    return found


def _plain(value: Any) -> str:
    if isinstance(value, bytes | memoryview | bytearray):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in a backup")


def _readers(model: type[Model], names: Sequence[str]) -> Iterator[tuple[str, Reader]]:
    for name in names:
        field = model._meta.get_field(name)
        assert isinstance(field, Field)
        if isinstance(field, BinaryField):
            yield name, base64.b64decode
        elif not isinstance(field, JSONField):
            yield name, field.to_python
