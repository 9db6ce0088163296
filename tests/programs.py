"""Where the real programs are that tests talk to: a missing one skips the test, and fails it where CI is set."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SYSTEM = ("/usr/sbin", "/sbin", "/usr/local/sbin", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"))))


def find(name: str) -> str | None:
    """The path of a program, or None: on PATH, where Debian keeps daemons, or in the project's own folder of tools."""
    own = {"envoy": ROOT / ".tools" / "envoy" / "envoy" / "_bin" / "envoy"}
    if name in own:
        return str(own[name]) if own[name].exists() else shutil.which(name)
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(SYSTEM))


def need(name: str, *, package: str) -> str:
    """The path of a program; without it the test skips, or fails where CI is set, and names the package to install."""
    path = find(name)
    if path is None:
        missing(f"{name} is missing: install the package {package} (make test does it)")
    return str(path)


def missing(sentence: str) -> None:
    """Skips with one line, or fails where CI is set: there nothing is left out silently."""
    pytest.fail(sentence, pytrace=False) if os.environ.get("CI") else pytest.skip(sentence)
