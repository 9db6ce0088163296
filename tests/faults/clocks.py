"""Another time of day for the processes that are started: Debian's faketime, preloaded, read anew at each look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.programs import missing

LONG = timedelta(days=400)
NONE = timedelta()


@contextmanager
def clock_off(by: timedelta, folder: Path) -> Iterator[Callable[[timedelta], None]]:
    """Programs started inside believe that it is so much later; the function gives them another belief.

    Only the time of day is moved, as a wrong clock does: what counts elapsed seconds goes on.
    """
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        missing("libfaketime is missing: install the package faketime (make test does it)")
    file = folder / "clock"

    def believe(by: timedelta) -> None:
        new = file.with_suffix(".new")
        new.write_text(f"{by.total_seconds():+.3f}\n")
        new.rename(file)

    believe(by)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LD_PRELOAD", str(library))
        patched.setenv("FAKETIME_TIMESTAMP_FILE", str(file))
        patched.setenv("FAKETIME_CACHE_DURATION", "1")  # seconds; at each look the file cost more than all else
        patched.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        yield believe
