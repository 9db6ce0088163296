"""Where a backup is read from: a file, or standard input, which is kept without a name until it was read whole."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from trustyard.errors import Refused

STANDARD_INPUT = "-"


@contextmanager
def opened(file: Path) -> Iterator[tuple[Path, IO[bytes] | None]]:
    """What the file is called, and its bytes where they have no name on a disk.

    A ZIP is read from its end, so standard input goes to the disk first, not into memory: to a file that nobody else
    can open, since it may hold the secret key. Raises Refused (`backup-unreadable`).
    """
    if str(file) != STANDARD_INPUT:
        yield file, None
        return
    with ExitStack() as stack:
        try:
            kept = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the stack, without a word where that fails again
            stack.callback(_close, kept)
            if sys.stdin is not None:  # closed: then there is nothing in it
                shutil.copyfileobj(sys.stdin.buffer, kept)
            kept.flush()
        except OSError as error:
            raise Refused(
                f"Standard input cannot be kept in {tempfile.tempdir or 'a folder for that'} until it was read: "
                f"{error.strerror}.",
                code="backup-unreadable",
                advice="Nothing was written. Set TMPDIR to a folder that has room for the backup.",
            ) from error
        yield Path("standard input"), kept


def _close(kept: IO[bytes]) -> None:
    with suppress(OSError):  # what found no room is tried once more
        kept.close()
