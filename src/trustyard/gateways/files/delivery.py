"""Makes a folder look like a release, and says in words how that went."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trustyard.errors import Refused
from trustyard.gateways import folders
from trustyard.gateways.contents import files_of, is_of, usual
from trustyard.gateways.places import Place
from trustyard.gateways.receipts import LOCAL, Receipt, State
from trustyard.pki.content import Material

from .directories import directory_of
from .options import FilesOptions


def deliver(material: Material, options: Mapping[str, Any], place: Place) -> Receipt:
    """Writes the release, makes it current and reads it back. Idempotent; never raises for what a disk may do.

    `accepted`: `current` is this release and each file reads back as written. `refused`: the folder may not be used.
    `unreachable`: it could not be written just now (no space, a device that is gone); worth trying again.
    """
    started = time.monotonic()
    state, detail = _try(material, FilesOptions.model_validate(dict(options)), place)
    return Receipt(LOCAL, state, detail, round((time.monotonic() - started) * 1000))


def _try(material: Material, options: FilesOptions, place: Place) -> tuple[State, str]:
    modes = folders.FOR_US if options.directory is None else folders.FOR_OTHERS
    try:
        directory = directory_of(options.directory, place)
        with folders.locked(directory, modes):
            return _replace(material, directory, modes)
    except Refused as error:
        return "refused", error.sentence
    except TimeoutError as error:
        return "unreachable", f"Release {material.number} was not written: {error}."
    except OSError as error:
        return folders.trouble(material.number, error)


def _replace(material: Material, directory: Path, modes: folders.Modes) -> tuple[State, str]:
    # 1. What stands there, and whose is it?
    standing = folders.current(directory)
    present = folders.manifest(standing) if standing else None
    if present and present.get("environment") != material.content.environment:
        other = present.get("environment")
        return "refused", f"{directory} holds releases of the environment {other}: empty it first, or name another."
    if present and is_of(present, material):
        return "accepted", _said(f"release {material.number} is current", usual(material).note)
    # 2. Write it beside the old one, then change over at once.
    made = files_of(material)
    folder = folders.write(directory, f"{material.number}-{material.content.digest()[:12]}", made.files, modes)
    folders.make_current(directory, folder)
    # 3. Believe what can be read back, not what was written.
    seen = folders.current(directory)
    back = folders.manifest(seen) if seen else None
    if not back or back["release"] != material.number:
        return "unreachable", f"Release {material.number} was written, but does not read back as written."
    folders.prune(directory)
    return "accepted", _said(f"release {material.number} written to current", made.note)


def _said(state: str, note: str) -> str:
    return f"{state}; {note}" if note else state
