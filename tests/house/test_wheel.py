"""The package as others install it: everything it needs is in the wheel, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .repository import PACKAGE, ROOT, files


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What a wheel built from a copy of the repository holds."""
    copy = tmp_path_factory.mktemp("wheel")
    for path in files():
        name = path.relative_to(ROOT)
        if name.parts[0] == "src" or len(name.parts) == 1:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy / name)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "out"],
        cwd=copy,
        check=True,
        capture_output=True,
        timeout=100,
    )
    (wheel,) = (copy / "out").glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_holds_every_file_of_the_package(names: set[str]) -> None:
    ours = {str(path.relative_to(PACKAGE.parent)) for path in files() if path.is_relative_to(PACKAGE)}
    assert ours <= names


@pytest.mark.parametrize("ending", [".html", ".css", ".js", ".der", "py.typed", "/migrations/0001_initial.py"])
def test_the_wheel_holds_what_is_not_code(names: set[str], ending: str) -> None:
    assert [name for name in names if name.endswith(ending) and name.startswith("trustyard/")]


def test_the_wheel_holds_nothing_else(names: set[str]) -> None:
    strangers = {Path(name).parts[0] for name in names if not name.startswith(("trustyard/", "trustyard-"))}
    assert not strangers
