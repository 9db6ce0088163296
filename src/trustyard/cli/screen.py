"""What a person sees: tables and sentences, with nothing in them that could steer a terminal."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trustyard.pki.sentences import plural

# Besides the controls: what turns the direction of writing, and what ends a line without being a line feed.
_TURNING = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSAFE = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_TURNING}]")
_UNSAFE_IN_JSON = re.compile(f"[\x7f-\x9f\u2028\u2029\ud800-\udfff{_TURNING}]")
MOST = 50  # rows of what has no pages; --json has them all
_WIDE = 1000  # columns where no terminal sets a width: a line of a table stays one line for grep


class Unwritten(Exception):
    """Standard output takes nothing; the program ends with the reason, see `cli.main`."""


def clean(value: object, *, lines: bool = False) -> str:
    """A value as text of one line (of several with `lines`); characters that steer a terminal become U+FFFD.

    Names, subjects and messages come from certificates and other people; an escape sequence in one of them must not
    repaint the screen, and a right-to-left override must not turn a name round.
    """
    text = "" if value is None else str(value)
    if lines:
        return "\n".join(clean(line.replace("\t", "    ")) for line in text.replace("\r\n", "\n").split("\n"))
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def json_text(value: Any) -> str:
    """A value as JSON that is safe to show: the same value when read again, with what steers a terminal escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=not _speaks_unicode(sys.stdout))
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def say(text: str = "", *, error: bool = False) -> None:
    """Prints text that is clean already, on standard output or standard error."""
    stream = sys.stderr if error else sys.stdout
    if stream is None:  # closed by whoever started us
        if not error:
            raise Unwritten("it is closed")
        return
    if not _speaks_unicode(stream):
        encoding = stream.encoding or "ascii"
        text = text.encode(encoding, "replace").decode(encoding)
    with _writing(error=error):
        print(text, file=stream, flush=True)


def write(data: bytes) -> None:
    """Puts bytes on standard output as they are."""
    if sys.stdout is None:
        raise Unwritten("it is closed")
    with _writing():
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


@contextmanager
def _writing(*, error: bool = False) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # `… | head` has seen enough: Typer ends the program without a word
    except OSError as full:
        if not error:
            raise Unwritten(full.strerror or str(full)) from None


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, error: bool = False) -> None:
    """Prints a table; in a pipe each row is one line, on a terminal long cells are folded and nothing is cut off."""
    stream = sys.stderr if error else sys.stdout
    console = Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = _WIDE
    grid = Table(box=SIMPLE_HEAD if console.is_terminal else None, pad_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(clean(cell)) for cell in row))
    with _writing(error=error), console.capture() as shown:  # it writes nothing, which a full disk may refuse too
        console.print(grid)
    say("\n".join(line.rstrip() for line in shown.get().splitlines()), error=error)


def more(total: int, *, error: bool = False) -> None:
    """Says how many rows were not printed, where there are more than `MOST`."""
    if total > MOST:
        say(f"And {total - MOST} more: --json has them all.", error=error)


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Prints `Name: value` lines, aligned; what has no value is left out."""
    kept = [(name, clean(value)) for name, value in pairs if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in kept), default=0) + 1
    for name, text in kept:
        say(f"{name + ':':<{width}} {text}")


def notices(answer: Mapping[str, Any], *, of: str = "") -> None:
    """Says what to know of what was given, `of` several, such as that a private key was dropped."""
    for notice in answer.get("notices") or []:
        say(f"Notice: {clean(of)}{': ' if of else ''}{clean(notice['message'])}", error=True)


def day(moment: str | None, *, now: datetime | None = None) -> str:
    """An RFC 3339 moment as its day and the distance in whole days, as findings say it: `2027-01-01 (in 38 days)`."""
    if not moment:
        return ""
    try:
        gap = datetime.fromisoformat(moment).astimezone(UTC) - (now or datetime.now(UTC))
    except (ValueError, OverflowError):
        return clean(moment)
    days = abs(gap).days
    said = plural(days, "day")
    if gap < timedelta(0):
        return f"{moment[:10]} ({said if days else 'less than a day'} ago)"
    return f"{moment[:10]} ({f'in {said}' if days else 'within a day'})"


def same(one: str, other: str) -> bool:
    """Whether two names are the same text, however their accents were typed (NFC)."""
    return unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)


def alike(one: str, other: str) -> bool:
    """Whether two names mean the same object: as `same`, and without case (D-10)."""
    return same(one.casefold(), other.casefold())


def _speaks_unicode(stream: TextIO | None) -> bool:
    return stream is None or (stream.encoding or "").lower().replace("-", "").startswith("utf")
