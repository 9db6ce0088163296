"""Folders of releases on a disk: written whole, made current atomically, read back, and pruned."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .contents import MANIFEST
from .receipts import State

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
    return folder if folder.parent == directory / "releases" else None


def manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a release's folder if each file named in it is there with the digest given, else None."""
    try:
        value = json.loads((folder / MANIFEST).read_bytes())
        for name, sha256 in value["files"].items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != sha256:
                return None
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return dict(value)


def write(directory: Path, name: str, files: Mapping[str, bytes], modes: Modes) -> Path:
    """Writes a folder `releases/<name>` and answers its path; readers see it whole or not at all.

    A folder of that name that exists may be the broken one that `current` points to: the new one gets another name.
    """
    releases = _releases(directory)
    make_folder(releases, modes)
    _sweep(directory)
    fresh = releases / f".new-{secrets.token_hex(8)}"
    try:
        _fill(fresh, files, modes)
        target = _free(releases, name)
        fresh.rename(target)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    sync(releases)
    return target


def _releases(directory: Path) -> Path:
    """Where the releases are. OSError where a link stands there: what it leads to is not ours to write and remove."""
    path = directory / "releases"
    if path.is_symlink():
        raise OSError(errno.ELOOP, "a symbolic link stands there, and is not followed", str(path))
    return path


def _fill(fresh: Path, files: Mapping[str, bytes], modes: Modes) -> None:
    make_folder(fresh, modes)
    for name, data in files.items():
        path = fresh / name
        make_folder(path.parent, modes)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, modes.file)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), modes.file)
            os.fsync(file.fileno())
    for folder in {fresh, *((fresh / name).parent for name in files)}:
        sync(folder)


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
    folders = sorted((path for path in _releases(directory).iterdir() if path.is_dir()), key=_number)
    for folder in folders[:-KEPT]:
        if now is None or folder.name != now.name:
            shutil.rmtree(folder, ignore_errors=True)


def _number(folder: Path) -> tuple[int, str]:
    digits = folder.name.partition("-")[0]
    return (int(digits) if digits.isascii() and digits.isdigit() else -1, folder.name)


def _free(releases: Path, name: str) -> Path:
    if not (releases / name).exists():
        return releases / name
    return next(path for n in range(2, 10_000) if not (path := releases / f"{name}.{n}").exists())


def _sweep(directory: Path) -> None:
    # What a killed writer left behind; nobody else is writing, for the lock is ours.
    for left in (directory / "releases").glob(".new-*"):
        shutil.rmtree(left, ignore_errors=True)
    for left in directory.glob(".current-*"):
        left.unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Sees that what was named anew in this folder is so on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
