"""All that is wrong with what somebody gave, told at once and not one thing after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trustyard.errors import Conflict, Refused


class Gathering:
    """Judges parts that do not depend on each other, then raises what was refused of them."""

    def __init__(self, *wrong: Refused | Conflict) -> None:
        self._wrong = list(wrong)

    def __bool__(self) -> bool:
        return bool(self._wrong)

    @contextmanager
    def part(self) -> Iterator[None]:
        """What is refused within, or is taken already, is kept for `judge`."""
        try:
            yield
        except (Refused, Conflict) as error:
            self._wrong.append(error)

    def judge(self) -> None:
        """Raises what is `whole`; nothing where all is well."""
        if self._wrong:
            raise self.whole()

    def whole(self) -> Refused | Conflict:
        """One error with every sentence and field, of those that there are.

        It is that of the first part whose content is refused, or a `Conflict` where nothing is but what is taken.
        """
        first = next((one for one in self._wrong if isinstance(one, Refused)), self._wrong[0])
        if len(self._wrong) == 1:
            return first
        fields = [field for one in self._wrong for field in one.fields]
        words = dict.fromkeys(part for one in self._wrong for part in (one.sentence, one.advice) if part)
        return type(first)(" ".join(words), code=first.code, fields=fields, extra=first.extra)
