"""Work that is counted, not timed: function calls, which are the same on every machine."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

A_CALL = 20_000  # what an input of any size may cost
A_BYTE = 100  # and for each of its bytes; a walk over it costs about ten


class TooMuchWork(BaseException):
    """The budget is used up. No `Exception`, so that nothing on the way takes it for an error of the input."""


@contextmanager
def budget(size: int, *, a_call: int = A_CALL) -> Iterator[None]:
    """Lets the block call so many Python functions as an input of `size` bytes may cost; then `TooMuchWork`."""
    left = a_call + A_BYTE * size

    def count(frame: FrameType, event: str, _: Any) -> None:
        nonlocal left
        if event == "call":
            left -= 1
            if left < 0:
                sys.setprofile(None)
                raise TooMuchWork(f"{frame.f_code.co_qualname} was one call too many for {size} bytes")

    before, collecting = sys.getprofile(), gc.isenabled()
    gc.disable()  # its callbacks (hypothesis has one) are no work of the block, and raising in them is for nothing
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)
        if collecting:
            gc.enable()


class Lines:
    """Counts the lines of Python that run in the block; `TooMuchWork` when they are more than `limit`.

    For loops that call nothing: slower than `budget`, and sees each turn of them.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.count = limit, 0

    def __enter__(self) -> Lines:
        self.before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self.before)

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            self.count += 1
            if self.count > self.limit:
                sys.settrace(None)
                raise TooMuchWork(f"{frame.f_code.co_qualname}:{frame.f_lineno} was line {self.count}")
        return self._trace
