"""What the fuzz runs found is tried again here, without atheris: the kept inputs, and each that ever failed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fuzz.targets import TARGETS

CORPUS = Path(__file__).parents[2] / "fuzz" / "corpus"


@pytest.mark.django_db
@pytest.mark.parametrize("target", TARGETS)
def test_no_kept_input_breaks_a_promise(target: str) -> None:
    """A failure names the file."""
    for path in sorted((CORPUS / target).iterdir()):
        try:
            TARGETS[target](path.read_bytes())
        except BaseException as failure:
            failure.add_note(f"fuzz/corpus/{target}/{path.name}")
            raise


def test_each_target_has_kept_inputs() -> None:
    assert {folder.name for folder in CORPUS.iterdir() if any(folder.iterdir())} >= set(TARGETS)


def test_the_kept_inputs_stay_under_a_megabyte() -> None:
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 1_000_000


def test_each_target_has_its_figure() -> None:
    page = (CORPUS.parent / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| [^|]+\| ([\d,]+) \| ([\d,]+) \| none \|$", page, re.MULTILINE)
    assert {name for name, _, _ in rows} >= set(TARGETS)
    assert all(int(tried.replace(",", "")) > 0 for _, tried, _ in rows)
