"""Files of one folder, opened through its descriptor: others may write there, and no symbolic link is followed."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EFBIG, EINVAL, ELOOP, ENXIO
from io import BufferedReader
from pathlib import Path

MAX_BYTES = 100_000_000  # of a file that is read into memory or copied; a hole in it costs nobody any

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a named pipe would be waited for
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Folder:
    """The folder `path`; every name is one of its own files. All of it raises OSError, with the whole path."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._at = descriptor

    def has(self, name: str) -> bool:
        """Whether a file of this name is there. OSError for what is no regular file, a symbolic link among them."""
        try:
            found = os.stat(name, dir_fd=self._at, follow_symlinks=False)
        except FileNotFoundError:
            return False
        with self._naming(name):
            _check(found.st_mode)
        return True

    def read(self, name: str) -> bytes:
        """The content of the file."""
        with self._naming(name), opened(name, self._at) as file:
            return file.read()

    def replace(self, name: str, data: bytes, mode: int) -> None:
        """Replaces it by a rename, with these permission bits; readers see the old one or the new one, whole."""
        fresh = f".{name}.new"
        self.remove(fresh)  # what a killed writer left behind
        with self._naming(name), self._gone_if_it_fails(fresh):
            with os.fdopen(os.open(fresh, _MAKE, mode, dir_fd=self._at), "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            self.rename(fresh, name)

    def keep(self, name: str, kept: str) -> None:
        """Hard-links the file under a second, free name; copies it where it cannot be linked."""
        with self._naming(kept):
            try:
                os.link(name, kept, src_dir_fd=self._at, dst_dir_fd=self._at, follow_symlinks=False)
            except FileExistsError:
                raise  # somebody has just put it there
            except OSError:  # a file of somebody else's, or a file system without links
                self._copy(name, kept)
        with self._gone_if_it_fails(kept):
            self.has(kept)

    def rename(self, name: str, to: str) -> None:
        """Renames a file; one that has the new name is replaced."""
        with self._naming(to):
            os.rename(name, to, src_dir_fd=self._at, dst_dir_fd=self._at)

    def remove(self, name: str) -> None:
        """Removes the file, if it is there."""
        with self._naming(name), suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._at)

    def _copy(self, name: str, kept: str) -> None:
        with opened(name, self._at) as source:
            found = os.fstat(source.fileno())
            target = os.open(kept, _MAKE, 0o600, dir_fd=self._at)
            with self._gone_if_it_fails(kept), os.fdopen(target, "wb") as file:
                shutil.copyfileobj(source, file)
                file.flush()
                with suppress(PermissionError):  # only root gives files away
                    os.fchown(file.fileno(), found.st_uid, found.st_gid)
                os.fchmod(file.fileno(), stat.S_IMODE(found.st_mode) & 0o777)
                os.utime(file.fileno(), ns=(found.st_atime_ns, found.st_mtime_ns))

    @contextmanager
    def _naming(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path / name)) from None

    @contextmanager
    def _gone_if_it_fails(self, name: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with suppress(OSError):
                os.unlink(name, dir_fd=self._at)
            raise


def opened(path: str | Path, at: int | None = None, *, most: int = MAX_BYTES) -> BufferedReader:
    """A regular file, to be read.

    OSError with EINVAL for what is none: a symbolic link, a device, a pipe, a socket; with EFBIG over `most` bytes.
    """
    try:
        descriptor = os.open(path, _READ, dir_fd=at)
    except OSError as error:
        if error.errno in (ELOOP, ENXIO):
            _check(0)
        raise
    try:
        found = os.fstat(descriptor)
        _check(found.st_mode)
        if found.st_size > most:
            raise OSError(EFBIG, f"this is larger than {most} bytes, and so no file of a release")
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _check(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise OSError(EINVAL, "this is no regular file, and is neither followed nor replaced")


@contextmanager
def held(path: Path) -> Iterator[Folder]:
    """Opens the folder, which stays the same one even when its path is renamed. Raises OSError."""
    descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Folder(path, descriptor)
    finally:
        os.close(descriptor)
