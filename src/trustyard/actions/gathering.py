"""All that is wrong with what somebody gave, told at once and not one thing after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trustyard.errors import Refused


class Gathering:
    """Judges parts that do not depend on each other, then raises what was refused of them."""

    def __init__(self) -> None:
        self._wrong: list[Refused] = []

    @contextmanager
    def part(self) -> Iterator[None]:
        """What is refused within is kept for `judge`."""
        try:
            yield
        except Refused as error:
            self._wrong.append(error)

    def judge(self) -> None:
        """Raises `Refused` with every sentence and field, under the code of the first; nothing where all is well."""
        if len(self._wrong) == 1:
            raise self._wrong[0]
        if self._wrong:
            fields = [field for one in self._wrong for field in one.fields]
            raise Refused(" ".join(one.detail for one in self._wrong), code=self._wrong[0].code, fields=fields)
