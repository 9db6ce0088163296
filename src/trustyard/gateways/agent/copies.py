"""Files of a release at places outside its folder: replaced by rename, and put back by rename, which needs no space."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from trustyard.gateways.folders import replace_file
from trustyard.pki.denyall import deny_all_der
from trustyard.pki.truststores import pem_bundle

from .configuration import Copy
from .state import Copied

MODE = 0o644


def planned(copies: Iterable[Copy], current: Path | None) -> tuple[Copied, ...]:
    """What a change of release will touch; remains of an earlier one go. Raises OSError."""
    found = []
    for copy in copies:
        _before(copy.to).unlink(missing_ok=True)
        ours = current is not None and right([(copy.source, copy.to)], current)
        found.append(Copied(copy.source, str(copy.to), copy.to.exists(), ours))
    return tuple(found)


def put(copies: Iterable[Copied], release: Path) -> None:
    """Puts the files of this release in place, keeping what was there. Repeating it does no harm. Raises OSError."""
    for copy in copies:
        to = Path(copy.to)
        if copy.existed and not _before(to).exists():
            _keep(to)
        replace_file(to, wanted(copy.source, release), MODE)


def put_back(copies: Iterable[Copied]) -> None:
    """Puts back what was there. Repeating it does no harm. Raises OSError."""
    for copy in copies:
        to = Path(copy.to)
        if not copy.existed:
            to.unlink(missing_ok=True)
        elif _before(to).exists():
            _before(to).replace(to)


def forget(places: Iterable[Path]) -> None:
    """What was there before is not needed any more."""
    for to in places:
        _before(to).unlink(missing_ok=True)


def set_aside(copies: Iterable[Copied]) -> None:
    """What was there before stays beside its place, under a name that no program looks for. Raises OSError."""
    for copy in copies:
        to = Path(copy.to)
        if _before(to).exists():
            _before(to).replace(aside(to))


def aside(to: Path) -> Path:
    """Where a file goes that is replaced before a program took what comes in its place."""
    return to.with_name(f".{to.name}.own")


def right(places: Iterable[tuple[str, Path]], release: Path) -> bool:
    """Whether each place holds the file of this release that is named before it."""
    try:
        return all(to.read_bytes() == wanted(source, release) for source, to in places)
    except OSError:
        return False


def wanted(source: str, release: Path) -> bytes:
    """The bytes to copy. An alias that a release does not have trusts nobody (D-17)."""
    try:
        return (release / source).read_bytes()
    except FileNotFoundError:
        if not source.startswith("aliases/"):
            raise
        return pem_bundle([deny_all_der()])


def _keep(to: Path) -> None:
    try:
        os.link(to, _before(to))
    except OSError:  # a file of somebody else's, or a file system without links
        shutil.copy2(to, _before(to))


def _before(to: Path) -> Path:
    return to.with_name(f".{to.name}.before")
