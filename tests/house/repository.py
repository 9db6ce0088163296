"""The repository as these tests read it: its files, its sources, its pages."""

from __future__ import annotations

import ast
import functools
import subprocess
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "src" / "trustyard"


@functools.cache
def files() -> tuple[Path, ...]:
    """Every file that belongs to the repository: what git tracks, or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if name and (ROOT / name).is_file())


def texts() -> list[tuple[str, str]]:
    """Name and text of each file that is text; what a fuzzer wrote is none, whatever it looks like."""
    found = []
    for path in files():
        if path.is_relative_to(ROOT / "fuzz" / "corpus"):
            continue
        try:
            found.append((str(path.relative_to(ROOT)), path.read_text("utf-8")))
        except UnicodeDecodeError:
            continue
    return found


@functools.cache
def modules() -> tuple[tuple[str, ast.Module, str], ...]:
    """Name, syntax tree and text of each module of the package, Django's migrations left out."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if "migrations" not in path.parts:
            text = path.read_text("utf-8")
            found.append((str(path.relative_to(ROOT)), ast.parse(text), text))
    return tuple(found)


def page(name: str) -> str:
    """The text of a page, by its path from the root."""
    return (ROOT / name).read_text("utf-8")


def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads(page("pyproject.toml"))
