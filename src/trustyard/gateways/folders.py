"""Folders of releases on a disk: written whole, made current atomically, read back, and pruned.

Others may write beside them, and put a link where a folder was at any moment. So what is written into and removed from
is held open (`_held`), and what is read is a regular file.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import itertools
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .beside import opened
from .contents import MANIFEST
from .receipts import State

MAX_FILES = 4_000_000_000  # bytes of all files together, of which a hole costs nobody any
RELEASES = "releases"
KEPT = 10
NOT_OURS = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.EINVAL,
}
LOCK_SECONDS = 10.0


@dataclass(frozen=True)
class Modes:
    """Permission bits of what is made: in a folder of others' everybody reads, in the data directory only its owner."""

    folder: int
    file: int


FOR_OTHERS = Modes(0o755, 0o644)
FOR_US = Modes(0o700, 0o600)


@contextmanager
def locked(directory: Path, modes: Modes, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Holds the folder for one writer at a time, over processes. Raises TimeoutError after `seconds`."""
    make_folder(directory, modes)
    descriptor = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, directory, seconds)
        yield
    finally:
        os.close(descriptor)  # and with it goes the lock


def _take(descriptor: int, directory: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"another process has been writing to {directory} for long") from None
            time.sleep(0.05)


def make_folder(path: Path, modes: Modes) -> None:
    """Makes the folder and its parents with these bits, whatever the umask; one that exists keeps its own."""
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent, modes)
    path.mkdir(exist_ok=True)
    path.chmod(modes.folder)


def current(directory: Path) -> Path | None:
    """The folder that `current` points to, if it is one of this directory's releases, else None.

    Raises OSError where `current` is no symbolic link or cannot be read.
    """
    try:
        folder = directory / (directory / "current").readlink()
    except FileNotFoundError:
        return None
    return folder if folder.parent == directory / RELEASES else None


def manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a release's folder if each file named in it is there with the digest given, else None."""
    try:
        with opened(folder / MANIFEST) as file:
            value = json.load(file)
        left = MAX_FILES
        for name, sha256 in value["files"].items():
            if name != os.path.normpath(name) or name.startswith(("/", "..")):
                return None  # it is elsewhere
            with opened(folder / name, most=left) as file:
                left -= os.fstat(file.fileno()).st_size
                if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                    return None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EINVAL, errno.EFBIG):
            return None
        raise
    return dict(value)


def write(directory: Path, name: str, files: Mapping[str, bytes], modes: Modes) -> Path:
    """Writes a folder `releases/<name>` and answers its path; readers see it whole or not at all.

    A folder of that name that exists may be the broken one that `current` points to: the new one gets another name.
    """
    make_folder(directory, modes)
    for left in directory.glob(".current-*"):  # as below
        left.unlink(missing_ok=True)
    with _made(directory / RELEASES, modes) as releases:
        for left in releases.glob(".new-*"):  # of a killed writer: nobody else is writing, for the lock is ours
            shutil.rmtree(left, ignore_errors=True)
        fresh = releases / f".new-{secrets.token_hex(8)}"
        try:
            _fill(fresh, files, modes)
            target = _free(releases, name)
            fresh.rename(target)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        sync(releases)
    return directory / RELEASES / target.name


def _fill(fresh: Path, files: Mapping[str, bytes], modes: Modes) -> None:
    with _made(fresh, modes) as top:
        for folder in sorted({Path(name).parent for name in files}):
            with _made(top / folder, modes) if folder.name else nullcontext(top) as place:
                for name in (name for name in files if Path(name).parent == folder):
                    _put(place / Path(name).name, files[name], modes)
                sync(place)
        sync(top)


def _put(path: Path, data: bytes, modes: Modes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, modes.file)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), modes.file)
        os.fsync(file.fileno())


@contextmanager
def _made(path: Path, modes: Modes) -> Iterator[Path]:
    """As `_held`, and made with these bits where it is not there."""
    new = False
    with suppress(FileExistsError):
        path.mkdir()
        new = True
    with _held(path) as folder:
        if new:
            folder.chmod(modes.folder)
        yield folder


@contextmanager
def _held(path: Path) -> Iterator[Path]:
    """The folder under a name that stays its own, whatever is put in its place meanwhile. OSError where a link stands.

    What a link leads to is not ours to write and remove. Errors have the path that is known outside.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except NotADirectoryError:
        if path.is_symlink():
            raise OSError(errno.ELOOP, "a symbolic link stands there, and is not followed", str(path)) from None
        raise
    held = f"/proc/self/fd/{descriptor}"
    try:
        yield Path(held)
    except OSError as error:
        if isinstance(error.filename, str) and f"{error.filename}/".startswith(f"{held}/"):
            error.filename = f"{path}{error.filename.removeprefix(held)}"
        raise
    finally:
        os.close(descriptor)


def make_current(directory: Path, folder: Path) -> None:
    """Points the symbolic link `current` to this folder, by one rename."""
    link = directory / f".current-{secrets.token_hex(8)}"
    link.symlink_to(folder.relative_to(directory))
    try:
        link.replace(directory / "current")
    except BaseException:
        link.unlink(missing_ok=True)
        raise
    sync(directory)


def trouble(number: int, error: OSError) -> tuple[State, str]:
    """State and sentence of a receipt for a disk error: `refused` where a retry is of no use, else `unreachable`."""
    state: State = "refused" if error.errno in NOT_OURS else "unreachable"
    where = f" ({error.filename})" if error.filename else ""
    return state, f"Release {number} could not be written: {error.strerror}{where}."


def prune(directory: Path) -> None:
    """Removes all folders but the newest `KEPT` and the current one; one that cannot be removed stays."""
    now = current(directory)
    with _held(directory / RELEASES) as releases:
        folders = sorted((path for path in releases.iterdir() if path.is_dir()), key=_number)
        for folder in folders[:-KEPT]:
            if now is None or folder.name != now.name:
                shutil.rmtree(folder, ignore_errors=True)


def _number(folder: Path) -> tuple[int, str]:
    digits = folder.name.partition("-")[0]
    return (int(digits) if digits.isascii() and digits.isdigit() else -1, folder.name)


def _free(releases: Path, name: str) -> Path:
    if not (releases / name).exists():
        return releases / name
    return next(path for n in itertools.count(2) if not (path := releases / f"{name}.{n}").exists())


def sync(folder: Path) -> None:
    """Sees that what was named anew in this folder is so on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
