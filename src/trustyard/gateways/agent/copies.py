"""Files of a release at places outside its folder: replaced by rename, and put back by rename, which needs no space.

The agent may be root, and the place a folder of somebody else's, who can put there what they like at any moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from trustyard.gateways.beside import held
from trustyard.pki.denyall import deny_all_der
from trustyard.pki.truststores import pem_bundle

from .configuration import Copy
from .state import Copied

MODE = 0o644


def planned(copies: Iterable[Copy], current: Path | None) -> tuple[Copied, ...]:
    """The copies that a change of release will replace; remains of an earlier change are removed. Raises OSError."""
    found = []
    for copy in copies:
        with held(copy.to.parent) as folder:
            folder.remove(_before(copy.to))
            existed = folder.has(copy.to.name)
        ours = current is not None and right([(copy.source, copy.to)], current)
        found.append(Copied(copy.source, str(copy.to), existed, ours))
    return tuple(found)


def put(copies: Iterable[Copied], release: Path) -> None:
    """Puts the files of this release in place, keeping what was there. Repeating it does no harm. Raises OSError."""
    for copy in copies:
        to = Path(copy.to)
        with held(to.parent) as folder:
            if copy.existed and not folder.has(_before(to)):
                folder.keep(to.name, _before(to))
            folder.replace(to.name, wanted(copy.source, release), MODE)


def put_back(copies: Iterable[Copied]) -> None:
    """Puts back what was there. Repeating it does no harm. Raises OSError."""
    for copy in copies:
        to = Path(copy.to)
        with held(to.parent) as folder:
            if not copy.existed:
                folder.remove(to.name)
            elif folder.has(_before(to)):
                folder.rename(_before(to), to.name)


def forget(places: Iterable[Path]) -> None:
    """Removes the kept files: what was there before is no longer needed."""
    for to in places:
        with suppress(FileNotFoundError), held(to.parent) as folder:
            folder.remove(_before(to))


def set_aside(copies: Iterable[Copied]) -> None:
    """Keeps the file that was there beside its place, under a name that no program looks for. Raises OSError."""
    for copy in copies:
        to = Path(copy.to)
        with held(to.parent) as folder:
            if folder.has(_before(to)):
                folder.rename(_before(to), aside(to).name)


def aside(to: Path) -> Path:
    """Where a file goes that is replaced before a program took what comes in its place."""
    return to.with_name(f".{to.name}.own")


def right(places: Iterable[tuple[str, Path]], release: Path) -> bool:
    """Whether each place holds the file of this release that is named before it."""
    try:
        return all(_read(to) == wanted(source, release) for source, to in places)
    except OSError:
        return False


def _read(to: Path) -> bytes:
    with held(to.parent) as folder:
        return folder.read(to.name)


def wanted(source: str, release: Path) -> bytes:
    """The bytes to copy. An alias that a release does not have trusts nobody (D-17)."""
    try:
        return (release / source).read_bytes()
    except FileNotFoundError:
        if not source.startswith("aliases/"):
            raise
        return pem_bundle([deny_all_der()])


def _before(to: Path) -> str:
    return f".{to.name}.before"
