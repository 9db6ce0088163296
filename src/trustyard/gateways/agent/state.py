"""What the agent keeps on disk: a running change of release, releases that no program took yet, its last receipt."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from trustyard.gateways.folders import sync
from trustyard.gateways.receipts import Receipt, State

FOLDER = ".agent"
UNTAKEN = 10  # names of releases that are remembered
Step = Literal["switching", "reloading", "undoing"]


@dataclass(frozen=True)
class Copied:
    """A place outside the folder that a release is copied to; whether a file was there, and whether a release's."""

    source: str
    to: str
    existed: bool
    ours: bool = False

    @property
    def foreign(self) -> bool:
        """Whether somebody's own file was there."""
        return self.existed and not self.ours


@dataclass(frozen=True)
class Journal:
    """A change of release that has begun: folders below the agent's own, and how far it is. `notes` go into words."""

    number: int
    digest: str
    before: str | None
    after: str
    copies: tuple[Copied, ...]
    notes: str
    step: Step = "switching"
    reloaded: bool = False
    state: State = "refused"
    words: str = ""

    def at(self, step: Step, **changes: Any) -> Journal:
        """The same change at a later step."""
        return replace(self, step=step, reloaded=self.reloaded or step == "reloading", **changes)


@dataclass(frozen=True)
class Handled:
    """The last release that was dealt with, by its version, and what was said of it."""

    release: str
    receipt: Receipt


def write_journal(folder: Path, journal: Journal) -> None:
    """Writes it durably, so that it survives a kill or a loss of power. Raises OSError."""
    _write(folder, "journal.json", asdict(journal))


def read_journal(folder: Path) -> Journal | None:
    """The interrupted change, if there is one."""
    value = _read(folder, "journal.json")
    try:
        copies = tuple(Copied(**copy) for copy in value["copies"]) if value else ()
        return Journal(**{**value, "copies": copies}) if value else None
    except (TypeError, KeyError):
        return None  # of another version of the agent


def clear_journal(folder: Path) -> None:
    """Removes the journal: the change is complete."""
    (folder / FOLDER / "journal.json").unlink(missing_ok=True)
    if (folder / FOLDER).is_dir():
        sync(folder / FOLDER)


def write_untaken(folder: Path, release: str) -> None:
    """Keeps that this release stays in place although the program did not take it. Raises OSError."""
    _write(folder, "untaken.json", {"releases": [*read_untaken(folder), release][-UNTAKEN:]})


def read_untaken(folder: Path) -> list[str]:
    """Releases that stayed in place untaken, since a program last took one."""
    found = (_read(folder, "untaken.json") or {}).get("releases")
    return [str(release) for release in found] if isinstance(found, list) else []


def clear_untaken(folder: Path) -> None:
    """Forgets untaken releases: the program took one."""
    (folder / FOLDER / "untaken.json").unlink(missing_ok=True)


def write_handled(folder: Path, handled: Handled) -> None:
    """Writes the last receipt. Raises OSError."""
    _write(folder, "handled.json", asdict(handled))


def read_handled(folder: Path) -> Handled | None:
    """The last receipt, if there is one."""
    value = _read(folder, "handled.json")
    try:
        return Handled(**{**value, "receipt": Receipt(**value["receipt"])}) if value else None
    except (TypeError, KeyError):
        return None


def _write(folder: Path, name: str, value: dict[str, Any]) -> None:
    place = folder / FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    fresh = place / f"{name}.new"
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(place / name)
    sync(place)


def _read(folder: Path, name: str) -> dict[str, Any] | None:
    try:
        value = json.loads((folder / FOLDER / name).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return value if isinstance(value, dict) else None
