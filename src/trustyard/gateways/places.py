"""Where a gateway stands, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """The data directory, the gateway's environment and name, and the folders that gateways may write under."""

    data_dir: Path
    environment: str
    gateway: str
    files_roots: tuple[Path, ...] = ()
