"""Which folders a gateway of kind `files` may write into."""

from __future__ import annotations

import os
from pathlib import Path

from trustyard.errors import FieldError, Refused
from trustyard.gateways.places import Place
from trustyard.pki.filenames import safe_filename


def check_directory(path: str, roots: tuple[Path, ...]) -> Path:
    """The folder that `path` names, symbolic links followed, if it lies under one of `roots` (or is one).

    It need not exist yet. Raises Refused (`directory`) with what to do.
    """
    if "\0" in path or not Path(path).is_absolute():
        raise _refused("The directory is an absolute path, such as /srv/trust/test.")
    if not roots:
        raise _refused(
            "No folder is open to gateways of kind files: start the server with TRUSTYARD_FILES_ROOTS to name some."
        )
    # Links are followed first, on both sides: a link inside a root must not lead out of it.
    directory = Path(os.path.realpath(path))
    if not any(directory.is_relative_to(os.path.realpath(root)) for root in roots):
        named = ", ".join(str(root) for root in roots)
        raise _refused(f"{path} does not lie under a folder of TRUSTYARD_FILES_ROOTS ({named}).")
    if directory.exists() and not directory.is_dir():
        raise _refused(f"{path} is not a folder.")
    return directory


def directory_of(directory: str | None, place: Place) -> Path:
    """The folder of a gateway; one of the person's is judged again, for links may have moved since it was saved."""
    if directory is None:
        return place.data_dir / "environments" / safe_filename(place.environment)
    return check_directory(directory, place.files_roots)


def _refused(sentence: str) -> Refused:
    return Refused(sentence, code="directory", fields=[FieldError("options.directory", sentence)])
