"""JSON that somebody typed into a form. What comes by REST is read by `api.bodies`, more strictly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

MAX_TEXT = 1_000_000  # characters: what is read of them takes fifty times as much


def read(text: str) -> Any:
    """The value. Raises `ValueError` where this is no JSON, too long, too deep, or escapes what nobody could store.

    That is NUL, and one half of a surrogate pair.
    """
    if len(text) > MAX_TEXT:
        raise ValueError("It is too long.")
    try:
        value = json.loads(text)
        texts = "".join(_texts(value))
    except RecursionError:
        raise ValueError("It nests too deep.") from None
    texts.encode()  # half a character has no form in UTF-8
    if "\0" in texts:
        raise ValueError("It holds NUL.")
    return value


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from _texts(one)
        case dict():
            for name, one in value.items():
                yield name
                yield from _texts(one)
