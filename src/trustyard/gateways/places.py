"""Where a gateway stands, as a plain value, and which paths of this machine it may touch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from trustyard.errors import FieldError, Refused


@dataclass(frozen=True)
class Place:
    """The data directory, the gateway's environment and name, and the folders that gateways may write under."""

    data_dir: Path
    environment: str
    gateway: str
    files_roots: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Held:
    """What no two gateways of a kind may have: the option that names it, and the place itself."""

    option: str
    place: str


def below_a_root(path: str, roots: tuple[Path, ...], *, option: str) -> Path:
    """What `path` names, symbolic links followed, if it lies under one of `roots` (or is one). It need not exist yet.

    Raises Refused (`directory`, at the option) with what to do.
    """
    if "\0" in path or not Path(path).is_absolute():
        raise refused(f"The {option} is an absolute path, such as /srv/trust/test.", option)
    if not roots:
        sentence = "No folder is open to gateways: start the server with TRUSTYARD_FILES_ROOTS to name some."
        raise refused(sentence, option)
    # Links are followed first, on both sides: a link inside a root must not lead out of it.
    real = Path(os.path.realpath(path))
    if not any(real.is_relative_to(os.path.realpath(root)) for root in roots):
        named = ", ".join(str(root) for root in roots)
        raise refused(f"{path} does not lie under a folder of TRUSTYARD_FILES_ROOTS ({named}).", option)
    return real


def refused(sentence: str, option: str) -> Refused:
    """The refusal of a place, at the option that names it."""
    return Refused(sentence, code="directory", fields=[FieldError(f"options.{option}", sentence)])
