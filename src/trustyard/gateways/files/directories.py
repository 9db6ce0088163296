"""Which folders a gateway of kind `files` may write into."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trustyard.gateways.places import Held, Place, below_a_root, refused
from trustyard.pki.filenames import safe_filename


def check_directory(path: str, place: Place) -> Path:
    """The folder that `path` names, symbolic links followed, if it lies under a root that is open to the gateway.

    It need not exist yet. Raises Refused (`directory`) with what to do.
    """
    directory = below_a_root(path, place, option="directory")
    if directory.exists() and not directory.is_dir():
        raise refused(f"{path} is not a folder.", "directory")
    return directory


def directory_of(directory: str | None, place: Place) -> Path:
    """The folder of a gateway; one of the person's is judged again, for links may have moved since it was saved."""
    if directory is None:
        return _own(place)
    return check_directory(directory, place)


def settle(options: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The options as they are kept: links followed."""
    named = options.get("directory")
    return {**options, "directory": None if named is None else str(check_directory(str(named), place))}


def holds(options: Mapping[str, Any], place: Place) -> tuple[Held, ...]:
    """The folder that no other gateway may have."""
    return (Held("directory", os.path.realpath(options.get("directory") or _own(place))),)


def _own(place: Place) -> Path:
    return place.data_dir / "environments" / safe_filename(place.environment)
