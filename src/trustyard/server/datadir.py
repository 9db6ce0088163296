"""The data directory: made for its owner alone, with a secret key, and with locks against a second server."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trustyard.errors import Conflict, Refused
from trustyard.gateways.folders import sync

from .configuration import Configuration

OWN_FOLDER = "Name a folder within it, which is made then, or chown it to the user of the server."


def prepare(configuration: Configuration) -> None:
    """Makes the folder (0700) and the secret key (0600) where they are missing. Raises Refused (`data-directory`)."""
    make_folder(configuration)
    if configuration.given_secret_key_file is None:
        with _told(configuration):
            _make_secret(configuration.secret_key_file)


def foreign(folder: Path) -> str:
    """The sentence about a data directory whose rights are somebody else's to set."""
    return f"The data directory {folder} belongs to another user, so this one cannot close it to others."


def has_database(configuration: Configuration) -> bool:
    """Whether a SQLite database lies in it; makes nothing. Raises Refused (`data-directory`)."""
    with _told(configuration):
        return configuration.sqlite_file.is_file()


def make_folder(configuration: Configuration) -> None:
    """The folder alone, without a secret key. Raises Refused (`data-directory`)."""
    folder = configuration.data_dir
    with _told(configuration):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
        try:
            folder.chmod(0o700)
        except PermissionError:
            raise Refused(foreign(folder), code="data-directory", advice=OWN_FOLDER) from None
    # SQLite makes its files with the umask of the process: nobody else has business in any of them.
    os.umask(0o077)


def secret_of(configuration: Configuration) -> bytes:
    """The file of the secret key as it is, earlier keys included; empty where there is none."""
    path = configuration.secret_key_file
    return path.read_bytes() if path.exists() else b""


def write_secret(configuration: Configuration, content: bytes, *, otherwise: str) -> None:
    """Another content for that file, from one moment to the next; its owner and their rights stay.

    Raises Refused (`secret-key-file`), whose advice is `otherwise`.
    """
    path = configuration.secret_key_file
    try:
        with _fresh(path, content) as fresh:
            if path.exists():
                _given_to_the_owner_of(path, fresh)
            fresh.replace(path)
    except OSError as error:
        raise Refused(
            f"The file {path} of the secret key cannot be written: {error.strerror}.",
            code="secret-key-file",
            advice=otherwise,
        ) from error


def fresh_secret() -> bytes:
    """A new key as a line."""
    return secrets.token_urlsafe(64).encode("ascii") + b"\n"


def _given_to_the_owner_of(path: Path, fresh: Path) -> None:
    """What root writes here must be read by the user of the server."""
    before = path.stat()
    with suppress(PermissionError):  # one who is not root and may write here makes it a file of their own
        os.chown(fresh, before.st_uid, before.st_gid)
        fresh.chmod(stat.S_IMODE(before.st_mode) & 0o660)


@contextmanager
def _told(configuration: Configuration) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        folder = configuration.data_dir
        where = "" if error.filename in (None, folder, str(folder)) else f" ({error.filename})"
        raise Refused(
            f"The data directory {folder} cannot be used: {error.strerror}{where}.",
            code="data-directory",
            advice="Set TRUSTYARD_DATA_DIR to a folder that this user may write to.",
        ) from error


def _make_secret(path: Path) -> None:
    if path.exists() and path.stat().st_size:
        path.chmod(0o600)
        return
    with _fresh(path, fresh_secret()) as fresh:
        try:
            os.link(fresh, path)  # unlike a rename it fails where another process was quicker, whose key then stands
        except FileExistsError:
            if not path.stat().st_size:  # left empty by a machine that stopped: nothing was ever derived from it
                fresh.replace(path)


@contextmanager
def _fresh(path: Path, content: bytes) -> Iterator[Path]:
    """A file beside it with this content, for its owner alone and on the disk; not left there."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield fresh
        sync(path.parent)
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def one_server(configuration: Configuration) -> Iterator[None]:
    """Holds the data directory for this server, where its database is SQLite. Raises Conflict (`already-running`)."""
    if not configuration.sqlite:
        yield  # several machines on one PostgreSQL are what it is for
        return
    descriptor = _open(configuration, "serve.lock")
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"Another trustyard serve is running on the data directory {configuration.data_dir}.",
                code="already-running",
                advice="Stop it first, or give this one a TRUSTYARD_DATA_DIR of its own.",
            ) from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def one_migration(configuration: Configuration) -> Iterator[None]:
    """Waits its turn to change the tables: a command beside a server that starts would meet them half-made."""
    descriptor = _open(configuration, "migrate.lock")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open(configuration: Configuration, name: str) -> int:
    with _told(configuration):
        return os.open(configuration.data_dir / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
