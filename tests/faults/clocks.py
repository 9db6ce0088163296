"""Another time of day for the processes that are started: Debian's faketime, preloaded, read anew at each look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.programs import missing

DAYS = 400


@contextmanager
def clock_off(days: int, folder: Path) -> Iterator[Callable[[int], None]]:
    """Programs started inside believe that it is so many days later; the function gives them another belief.

    Only the time of day is moved, as a wrong clock does: what counts elapsed seconds goes on.
    """
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        missing("libfaketime is missing: install the package faketime (make test does it)")
    file = folder / "clock"

    def believe(days: int) -> None:
        new = file.with_suffix(".new")
        new.write_text(f"{days:+}d\n")
        new.rename(file)

    believe(days)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LD_PRELOAD", str(library))
        patched.setenv("FAKETIME_TIMESTAMP_FILE", str(file))
        patched.setenv("FAKETIME_NO_CACHE", "1")
        patched.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        yield believe
