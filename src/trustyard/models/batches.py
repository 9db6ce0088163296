"""Many rows written, or many values asked for, a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Value = TypeVar("Value")
BATCH = 500  # rows of one INSERT, values of one IN; SQLite takes fewer rows by itself


def batches(values: Iterable[Value]) -> Iterator[list[Value]]:
    """The values in lists of at most `BATCH`, each made when it is asked for; none where there are no values."""
    left = iter(values)
    while some := list(islice(left, BATCH)):
        yield some
