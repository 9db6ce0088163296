"""Names that certificates bring along: made fit for a definition or an alias, and unique by a number after them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable

from trustyard.pki.names import MAX_LENGTH, fold

from .entries import ROOT_PREFIX

_NUMBER = 6  # characters kept free for a blank and a number of five digits


def unique(text: str, is_free: Callable[[str], bool]) -> str:
    """The text as a name that is free: without what names may not hold, and with a number when it is taken."""
    return _numbered(plain(text), 1, is_free)[0]


def plain(text: str) -> str:
    """The text without what neither names nor aliases may hold; never empty, and short enough for a number."""
    printable = "".join(c for c in unicodedata.normalize("NFC", text) if c.isprintable())
    kept = printable.strip()[: MAX_LENGTH - _NUMBER].strip() or "certificate"
    if kept in (".", "..") or fold(kept).startswith(ROOT_PREFIX):
        kept = f"certificate {kept}"
    return kept


class Taken:
    """The names that are taken, by their keys; for thousands at once, so that no number is tried twice."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = set(keys)
        self._next: dict[str, int] = {}

    def unique(self, text: str) -> str:
        """As the function `unique`; the name is taken from then on."""
        wanted = plain(text)
        name, number = _numbered(wanted, self._next.get(fold(wanted), 1), lambda name: name not in self)
        self._next[fold(wanted)] = number + 1
        return self.take(name)

    def __contains__(self, name: str) -> bool:
        return fold(name) in self._keys

    def take(self, name: str) -> str:
        """Takes a name just as it is."""
        self._keys.add(fold(name))
        return name


def _numbered(wanted: str, number: int, is_free: Callable[[str], bool]) -> tuple[str, int]:
    while not is_free(name := wanted if number == 1 else f"{wanted} {number}"):
        number += 1
    return name, number
