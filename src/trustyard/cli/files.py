"""Downloads: what the server made becomes a file, or goes to standard output."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .commands import Call
from .failures import Failure, Usage
from .screen import clean, say, write

if TYPE_CHECKING:
    from .rest import Answer


def save(call: Call, answer: Answer, output: str | None, *, otherwise: str) -> None:
    """Writes a download to `output`, else under the name that the server proposes, which overwrites nothing.

    With --json a line about the file is printed: `{"file", "bytes", "sha256"}`. Raises `Failure`, `Usage`.
    """
    if output == "-":
        if call.as_json:
            raise Usage("--json and -o - both want standard output.")
        write(answer.data)
        return
    name = answer.filename or otherwise
    target = Path(name) if output is None else Path(output)
    try:
        target = target / name if target.is_dir() else target
        if output is None and target.exists():
            raise Failure(f"{target} exists already.", advice="Name the file to write with -o.")
        target.write_bytes(answer.data)
    except (OSError, ValueError) as error:
        raise Failure(f"{target} cannot be written: {getattr(error, 'strerror', None) or error}.") from None
    digest = hashlib.sha256(answer.data).hexdigest()
    call.show({"file": str(target), "bytes": len(answer.data), "sha256": digest}, _say)


def _say(written: dict[str, Any]) -> None:
    say(f"Wrote {clean(written['file'])} ({written['bytes']} bytes, SHA-256 {written['sha256']}).")
