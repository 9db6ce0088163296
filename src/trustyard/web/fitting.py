"""Text that fits a box of the picture, whatever typeface the reader has."""

from __future__ import annotations

import unicodedata

_NARROW, _BROAD = frozenset("iljtfrI.,:;|!'()[]/ -"), frozenset("mwMW@%&")


def fitted(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text, shortened in its middle where it is wider than `room` in any usual typeface."""
    scale = size * (1.08 if bold else 1)
    widths = [_width(character) * scale for character in text]
    if sum(widths) <= room:
        return text
    room -= scale
    head, left = 0, room * 0.62
    while head < len(text) and widths[head] <= left:
        left -= widths[head]
        head += 1
    tail, left = len(text), room * 0.38
    while tail > head and widths[tail - 1] <= left:
        left -= widths[tail - 1]
        tail -= 1
    return f"{text[:head]}…{text[tail:]}"


def _width(character: str) -> float:
    if unicodedata.combining(character):
        return 0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    if character in _NARROW:
        return 0.4
    if character in _BROAD:
        return 1.0
    return 0.74 if character.isupper() else 0.64
