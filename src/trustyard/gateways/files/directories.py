"""Which folders a gateway of kind `files` may write into."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trustyard.gateways.places import Held, Place, below_a_root, refused
from trustyard.pki.filenames import safe_filename


def check_directory(path: str, roots: tuple[Path, ...]) -> Path:
    """The folder that `path` names, symbolic links followed, if it lies under one of `roots` (or is one).

    It need not exist yet. Raises Refused (`directory`) with what to do.
    """
    directory = below_a_root(path, roots, option="directory")
    if directory.exists() and not directory.is_dir():
        raise refused(f"{path} is not a folder.", "directory")
    return directory


def directory_of(directory: str | None, place: Place) -> Path:
    """The folder of a gateway; one of the person's is judged again, for links may have moved since it was saved."""
    if directory is None:
        return place.data_dir / "environments" / safe_filename(place.environment)
    return check_directory(directory, place.files_roots)


def settle(options: Mapping[str, Any], place: Place) -> tuple[dict[str, Any], Held]:
    """The options as they are kept (links followed), and the folder that no other gateway may have."""
    named = options.get("directory")
    if named is None:
        return dict(options), Held("directory", str(directory_of(None, place)))
    directory = str(check_directory(str(named), place.files_roots))
    return {**options, "directory": directory}, Held("directory", directory)
