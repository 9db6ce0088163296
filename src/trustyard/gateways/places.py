"""Where a gateway stands, as a plain value, and which paths of this machine it may touch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from trustyard.errors import FieldError, Refused
from trustyard.pki.names import fold


@dataclass(frozen=True)
class Root:
    """A folder that gateways may write under: those of one environment, or of any where none is named."""

    folder: Path
    environment: str = ""

    @classmethod
    def read(cls, text: str) -> Root:
        """`/folder`, or `ENVIRONMENT=/folder`. Raises ValueError."""
        # An absolute path begins with a slash, so what stands before an equals sign is an environment.
        environment, equals, path = ("", "", text) if text.startswith(("/", "~")) else text.rpartition("=")
        folder = Path(path.strip()).expanduser()
        if not folder.is_absolute() or (equals and not environment.strip()):
            raise ValueError(f"{text} is not an absolute path, nor ENVIRONMENT=/an/absolute/path.")
        return cls(Path(os.path.abspath(folder)), environment.strip())  # noqa: PTH100 - a symbolic link keeps its name

    def is_open_to(self, environment: str) -> bool:
        """Whether gateways of this environment may."""
        return not self.environment or fold(self.environment) == fold(environment)


@dataclass(frozen=True)
class Place:
    """The data directory, the gateway's environment and name, and the folders that gateways may write under."""

    data_dir: Path
    environment: str
    gateway: str
    files_roots: tuple[Root, ...] = ()


@dataclass(frozen=True)
class Held:
    """What a gateway has of this machine: the option that names it, and the place itself, links followed.

    What is `shared` several gateways of one environment may have.
    """

    option: str
    place: str
    shared: bool = False

    def meets(self, other: Held) -> bool:
        """Whether both are the same place, or one lies in the other."""
        ours, theirs = Path(self.place), Path(other.place)
        return ours.is_relative_to(theirs) or theirs.is_relative_to(ours)


def below_a_root(path: str, place: Place, *, option: str) -> Path:
    """What `path` names, symbolic links followed, if it lies under a root that is open to the gateway's environment.

    Of roots inside one another the innermost counts. It need not exist yet. Raises Refused (`directory`, at the option)
    with what to do.
    """
    if "\0" in path or not Path(path).is_absolute():
        raise refused(f"The {option} is an absolute path, such as /srv/trust/test.", option)
    if not place.files_roots:
        sentence = "No folder is open to gateways: start the server with TRUSTYARD_FILES_ROOTS to name some."
        raise refused(sentence, option)
    # Links are followed first, on both sides: a link inside a root must not lead out of it.
    real = _real(Path(path))
    if not any(root.is_open_to(place.environment) for root in _innermost(real, place.files_roots)):
        raise refused(f"{path} does not lie under a folder of TRUSTYARD_FILES_ROOTS{_named(place)}.", option)
    return real


def _innermost(real: Path, roots: tuple[Root, ...]) -> list[Root]:
    """The root that `real` lies under, or several where it is named for several environments."""
    above = [(len(folder.parts), root) for root in roots if real.is_relative_to(folder := _real(root.folder))]
    return [root for depth, root in above if depth == max(above, key=lambda one: one[0])[0]]


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _named(place: Place) -> str:
    open_ones = [str(root.folder) for root in place.files_roots if root.is_open_to(place.environment)]
    whose = f" that is open to {place.environment}" if any(root.environment for root in place.files_roots) else ""
    return f"{whose} ({', '.join(open_ones) or 'none is'})"


def refused(sentence: str, option: str) -> Refused:
    """The refusal of a place, at the option that names it."""
    return Refused(sentence, code="directory", fields=[FieldError(f"options.{option}", sentence)])
