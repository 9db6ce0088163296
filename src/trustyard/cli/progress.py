"""Progress of a long command: bars on a terminal, on standard error, and nothing where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from .failures import Failure


class Progress:
    """Three bars, one after the other: what is sent, what was read, and what is being stored."""

    def __init__(self) -> None:
        console = Console(file=sys.stderr)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars = Bars(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bars.stop()

    def sent(self, done: int, of: int) -> None:
        """So many bytes are on their way."""
        self._show("Sending (kB)", done // 1000, of // 1000)

    def follow(self, lines: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """Shows each line of progress; the value of the last line. Raises `Failure` when there is none."""
        for line in lines:
            match line:
                case {"read": done, "of": of}:
                    self._show("Reading", done, of)
                case {"storing": of}:
                    self._show("Storing", 0, of)
                case _:
                    return line
        raise Failure("The server did not say what it stored.", advice="Look before you repeat it.")

    def _show(self, what: str, done: int, of: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=of)
        self._bars.update(self._tasks[what], completed=done, total=of)
