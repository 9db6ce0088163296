"""What an independent validator said, in its own words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Opinion:
    """Accepted or not, by whom, and the words."""

    name: str
    version: str
    accepted: bool
    words: str
