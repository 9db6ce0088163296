"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One sentence; `error` where Trustyard would not start or not work."""

    error: bool
    sentence: str


def wrong(sentence: str) -> Finding:
    """Something that keeps Trustyard from working."""
    return Finding(True, sentence)


def note(sentence: str) -> Finding:
    """Something to know, or that will hurt later."""
    return Finding(False, sentence)
