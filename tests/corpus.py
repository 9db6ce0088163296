"""The shared corpus of certificates beside the repository (`../shared/corpus`); a stranger's clone has none."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from tests.programs import missing

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "corpus"


def names(document: str, key: str) -> list[str]:
    """The file names under `key`, to parametrize with; one empty name where the corpus is absent."""
    if not FOLDER.is_dir():
        return [""]
    found = json.loads((FOLDER / document).read_text())[key]
    return list(found) if isinstance(found, dict) else [entry["file"] for entry in found]


@cache
def document(name: str) -> dict[str, Any]:
    """`expected.json`, `jwk_expected.json` or `chains.json`."""
    _require()
    loaded: dict[str, Any] = json.loads((FOLDER / name).read_text())
    return loaded


def data(name: str) -> bytes:
    """The bytes of one input file."""
    _require()
    return (FOLDER / "certs" / Path(name).name).read_bytes()


def _require() -> None:
    if not FOLDER.is_dir():
        missing(f"the shared corpus is not there ({os.path.relpath(FOLDER)})")
