"""Names that certificates bring along: made fit for a definition or an alias, and unique by a number after them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from trustyard.models.batches import batches
from trustyard.pki.names import MAX_LENGTH, fold, is_misleading

from .entries import ROOT_PREFIX

_FIRST = 8  # numbers behind a name that are asked about at first
_NUMBER = 6  # characters kept free for a blank and a number of five digits


def plain(text: str) -> str:
    """The text without what neither names nor aliases may hold; never empty, and short enough for a number."""
    printable = "".join(c for c in unicodedata.normalize("NFC", text) if c.isprintable() and not is_misleading(c))
    kept = printable.strip()[: MAX_LENGTH - _NUMBER].strip() or "certificate"
    if kept in (".", "..") or fold(kept).startswith(ROOT_PREFIX):
        kept = f"certificate {kept}"
    return kept


class Taken:
    """The names that are taken, by their keys: asked of the store for many at once, and only those that matter."""

    def __init__(self, rows: QuerySet[Any]) -> None:
        """`rows` have two columns, the key and the name as it is spelt."""
        self._rows, self._column = rows, str(rows.query.values_select[0])
        self._keys: dict[str, str] = {}
        self._asked: set[str] = set()
        self._next: dict[str, int] = {}

    def expect(self, names: Iterable[str]) -> None:
        """Asks about names that are wanted soon, and of those that are taken about the first numbers behind them."""
        wanted = {plain(name) for name in names}
        self._ask(wanted)
        taken = [name for name in wanted if fold(name) in self._keys]
        self._ask(_with(name, number) for name in taken for number in range(2, _FIRST))

    def unique(self, text: str) -> str:
        """The text as a name that is free: without what names may not hold, and with a number when it is taken.

        It is taken from then on.
        """
        wanted = plain(text)
        number = self._next.get(fold(wanted), 1)
        while self._is_taken(wanted, number):
            number += 1
        self._next[fold(wanted)] = number + 1
        return self.take(_with(wanted, number))

    def _is_taken(self, wanted: str, number: int) -> bool:
        key = fold(_with(wanted, number))
        if key not in self._asked:  # twice as many each time: thousands may have this name
            self._ask(_with(wanted, one) for one in range(number, 2 * number + _FIRST))
        return key in self._keys

    def spelt(self, name: str) -> str | None:
        """The name as it is spelt where it is taken; None where it is free."""
        self._ask([name])
        return self._keys.get(fold(name))

    def take(self, name: str) -> str:
        """Takes a name just as it is."""
        self._asked.add(fold(name))
        self._keys[fold(name)] = name
        return name

    def _ask(self, names: Iterable[str]) -> None:
        keys = list({fold(name) for name in names} - self._asked)
        for some in batches(keys):
            self._keys.update(self._rows.filter(**{f"{self._column}__in": some}))
        self._asked.update(keys)


def _with(name: str, number: int) -> str:
    return name if number == 1 else f"{name} {number}"
