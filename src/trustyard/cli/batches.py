"""The files of an import, found in folders and put together in batches of the size that a server takes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .failures import Failure
from .options import base64_text, read_bytes
from .screen import clean

MAX_CERTIFICATES = 20_000
MAX_BYTES = 64_000_000  # 64 MB, as the server takes
_AROUND = 1200  # bytes: its name, of at most 1,000 characters, and the JSON around it
_BEGIN = b"-----BEGIN "
# In a folder everything else is passed over, above all keys.
_SUFFIXES = re.compile(
    r".+\.(pem|crt|cer|cert|der|p7b|p7c|p7|spc|p12|pfx|jks|jceks|ks|keystore|truststore|bundle)", re.IGNORECASE
)


@dataclass
class Batch:
    """Files as REST takes them, and those of folders that cannot be read."""

    files: list[dict[str, Any]] = field(default_factory=list)
    unreadable: list[dict[str, str]] = field(default_factory=list)
    size: int = 0
    certificates: int = 0

    def holds(self, data: bytes, most: int) -> bool:
        """Whether this file fits beside the others, within the limit on certificates."""
        return self.size + _weight(data) <= MAX_BYTES and self.certificates + _count(data) <= most

    def add(self, name: str, data: bytes) -> None:
        """Takes the file in."""
        self.files.append({"filename": clean(name)[-1000:], **_content(data)})
        self.size += _weight(data)
        self.certificates += _count(data)


def batches(paths: list[str], most: int) -> Iterator[Batch]:
    """Batches within the limit on certificates, in the order of the paths, each read when it is asked for.

    Raises `Failure` for a file that was named itself and cannot be read, for one that is too large, and where there is
    none at all. A file is never divided.
    """
    batch, any_yet = Batch(), False
    for name, found in _walked(paths):
        try:
            data = read_bytes(name, MAX_BYTES)
        except Failure as failure:
            if not found:
                raise
            batch.unreadable.append({"item": name, "reason": failure.sentence, "code": "unreadable-file"})
            continue
        if _weight(data) > MAX_BYTES:
            raise Failure(f"{name} is more than 64 MB.", advice="Split it.")
        if batch.files and not batch.holds(data, most):
            yield batch
            batch, any_yet = Batch(), True
        batch.add(name, data)
    if batch.files or (batch.unreadable and any_yet):
        yield batch
    elif not any_yet:
        reasons = [one["reason"] for one in batch.unreadable]
        raise Failure(reasons[0] if reasons else f"{', '.join(paths)}: no file of certificates there.")


def _walked(paths: list[str]) -> Iterator[tuple[str, bool]]:
    """Each file to read, and whether it was found in a folder. Links to folders are not followed."""
    for name in paths:
        if name == "-" or not _is(Path(name).is_dir, otherwise=False):
            yield name, False
            continue
        closed: list[OSError] = []
        for folder, folders, files in os.walk(name, onerror=closed.append):
            folders[:] = sorted(each for each in folders if not each.startswith("."))
            for each in sorted(files):
                file = Path(folder, each)
                if _SUFFIXES.fullmatch(each) and not each.startswith(".") and _is(file.is_file, otherwise=True):
                    yield str(file), True
        yield from ((error.filename, True) for error in closed)


def _is(asked: Callable[[], bool], *, otherwise: bool) -> bool:
    """What lies where this user may not look is taken for a file: reading it says why not."""
    try:
        return asked()
    except OSError:
        return otherwise


def _is_text(data: bytes) -> bool:
    return _BEGIN in data and data.isascii() and b"\x00" not in data


def _weight(data: bytes) -> int:
    """Its bytes on the way: a file that is no text is a third longer there."""
    return (len(data) + data.count(b"\n") if _is_text(data) else len(data) * 4 // 3) + _AROUND


def _count(data: bytes) -> int:
    """How many certificates it may hold; of a keystore that is not known before it is opened."""
    return max(1, data.count(_BEGIN))


def _content(data: bytes) -> dict[str, str]:
    # Text goes as it is: base64 of base64 would be a third longer, for nothing.
    if _is_text(data):
        return {"pem": data.decode("ascii")}
    return {"content_base64": base64_text(data)}
