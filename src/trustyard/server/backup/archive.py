"""The file: a ZIP of a manifest and one part for each table, each with its SHA-256; written and read as a stream."""

from __future__ import annotations

import hashlib
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar, Self

from pydantic import ConfigDict, TypeAdapter

from trustyard.errors import Refused

FORMAT = 1
MANIFEST, SECRET = "manifest.json", "secret-key"
MAX_MANIFEST = 10_000_000
MAX_LINE = 1_000_000_000  # bytes; no database holds a larger value
# What a file that is no ZIP, or no ZIP of ours, may raise while it is read; RuntimeError: it is encrypted.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
    RuntimeError,
)
LEVEL = 1  # of compression: a little larger, several times quicker
_AS_WRITTEN = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True)
class Part:
    """One part: its name in the file, how many lines, which columns, the last number given out, and its digest."""

    __pydantic_config__: ClassVar[ConfigDict] = _AS_WRITTEN

    name: str
    rows: int
    sha256: str
    table: str = ""
    columns: list[str] = field(default_factory=list)
    last_number: int | None = None


@dataclass(frozen=True)
class Manifest:
    """The manifest: what the file says of itself."""

    __pydantic_config__: ClassVar[ConfigDict] = _AS_WRITTEN

    version: str
    made_at: str
    database: str
    migrations: dict[str, list[str]]
    parts: list[Part]
    trustyard_backup: int = FORMAT

    @property
    def rows(self) -> dict[str, int]:
        """How many rows of each table."""
        return {part.table: part.rows for part in self.parts if part.table}


class Writer:
    """Writes parts, then the manifest. `out` need not be seekable."""

    def __init__(self, out: IO[bytes]) -> None:
        self._stream = _Hashed(out)
        self._zip = zipfile.ZipFile(self._stream, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
        self.parts: list[Part] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            # Else ZipFile writes its end when it is collected, and complains on standard error where that fails too.
            self._stream.ended = True
            self._zip.close()

    def add(self, name: str, lines: Iterator[bytes], **facts: Any) -> None:
        """Writes one part, made of these lines."""
        digest, count = hashlib.sha256(), 0
        with self._zip.open(name, "w", force_zip64=True) as file:
            for line in lines:
                digest.update(line)
                file.write(line)
                count += 1
        self.parts.append(Part(name, count, digest.hexdigest(), **facts))

    def finish(self, manifest: Manifest) -> tuple[int, str]:
        """Writes the manifest and the end of the file; its size and its SHA-256."""
        self._zip.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))
        self._zip.close()
        self._stream.flush()
        return self._stream.size, self._stream.digest.hexdigest()


class _Hashed:
    """Passes bytes on, counting and hashing them. It cannot seek, so the ZIP is written from front to end."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self.size, self.digest = 0, hashlib.sha256()
        self.ended = False  # then what comes goes nowhere

    def write(self, data: bytes) -> int:
        if self.ended:
            return len(data)
        self._out.write(data)
        self.digest.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        if not self.ended:
            self._out.flush()

    def close(self) -> None:
        """Does nothing: the owner of the stream closes it."""


class Reader:
    """A file that was opened and whose manifest was read. Raises Refused (`backup-unreadable`, `backup-newer`)."""

    def __init__(self, path: Path, stream: IO[bytes] | None = None) -> None:
        self.path = path  # what it is called; without a stream it is opened by this name
        try:
            self._zip = zipfile.ZipFile(stream or path)
            self.manifest = self._read_manifest()
        except OSError as error:
            raise _unreadable(path, f"{error.strerror or error}") from None
        except _BROKEN as error:
            raise _unreadable(path, "it is no backup of Trustyard, or it was cut off") from error

    def close(self) -> None:
        self._zip.close()

    def verify(self) -> None:
        """Reads all of it: every part is there once, whole and as it was written, and nothing beside them."""
        names = self._zip.namelist()
        if sorted(names) != sorted([MANIFEST, *(part.name for part in self.manifest.parts)]):
            raise _unreadable(self.path, "its parts are others than its manifest names")
        for part in self.manifest.parts:
            for _ in self.lines(part):
                pass

    def lines(self, part: Part) -> Iterator[bytes]:
        """The lines of a part. Raises Refused at its end where they are not what the manifest says."""
        digest, count = hashlib.sha256(), 0
        try:
            with self._zip.open(part.name) as file:
                while line := file.readline(MAX_LINE):
                    if len(line) == MAX_LINE:
                        raise _unreadable(self.path, f"{part.name} has a line that no database could hold")
                    digest.update(line)
                    count += 1
                    yield line
        except (OSError, *_BROKEN) as error:
            raise _unreadable(self.path, f"{part.name} was changed or cut off") from error
        if (digest.hexdigest(), count) != (part.sha256, part.rows):
            raise _unreadable(self.path, f"{part.name} was changed")

    def _read_manifest(self) -> Manifest:
        if self._zip.getinfo(MANIFEST).file_size > MAX_MANIFEST:
            raise ValueError("too large")
        text = self._zip.read(MANIFEST)
        said = json.loads(text)
        if said["trustyard_backup"] > FORMAT:
            raise newer(self.path, str(said.get("version")))
        return TypeAdapter(Manifest).validate_json(text)


def newer(path: Path, version: str) -> Refused:
    """The error for a backup of a newer version."""
    return Refused(
        f"{path} was made by a newer Trustyard ({version}).",
        code="backup-newer",
        advice="Restore it with that version or a newer one.",
    )


def _unreadable(path: Path, why: str) -> Refused:
    return Refused(
        f"{path} cannot be restored: {why}.", code="backup-unreadable", advice="Nothing was written. Take another copy."
    )
