"""A file to download."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class File:
    """The name to save it under, its media type and its bytes."""

    filename: str
    media_type: str
    data: bytes = field(repr=False)
