"""Where a backup is written: a file that appears whole or not at all, for its owner alone, or standard output."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from trustyard.errors import Conflict, Refused
from trustyard.gateways.folders import sync

STANDARD_OUTPUT = "-"


@contextmanager
def output(name: str, *, overwrite: bool) -> Iterator[IO[bytes]]:
    """The stream to write to. The file has its name once everything was written and is on the disk.

    Raises Conflict (`backup-exists`) unless `overwrite`, Refused (`backup-not-written`).
    """
    if name == STANDARD_OUTPUT:
        yield from _standard()
        return
    target = Path(name)
    try:
        if target.is_dir():
            raise _not_written(str(target), "it is a folder")
        if target.exists() and not overwrite:
            raise _exists(target)
        fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _name(fresh, target, overwrite=overwrite)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise _not_written(str(target), error.strerror or str(error)) from error


def _standard() -> Iterator[IO[bytes]]:
    if sys.stdout is None:  # closed by the caller; the number may be another file's by now
        raise _not_written("Standard output", "it is closed")
    try:
        with open(sys.stdout.fileno(), "wb", closefd=False) as file:
            yield file
    except BrokenPipeError:
        raise  # whoever read it has ended and says why
    except OSError as error:
        raise _not_written("Standard output", error.strerror or str(error)) from error


def _name(fresh: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        fresh.replace(target)
    else:
        try:
            os.link(fresh, target)  # unlike a rename it fails where somebody was quicker
        except FileExistsError:
            raise _exists(target) from None
    sync(target.parent)


def _exists(target: Path) -> Conflict:
    return Conflict(f"{target} exists already.", code="backup-exists", advice="Name another file, or take --overwrite.")


def _not_written(what: str, why: str) -> Refused:
    return Refused(
        f"{what} cannot be written: {why}.",
        code="backup-not-written",
        advice="Name a file in a folder of this machine that has room for it.",
    )
