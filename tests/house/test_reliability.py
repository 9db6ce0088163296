"""The page of reliability: every fault has its row, and every row a test that exists."""

from __future__ import annotations

import ast
import functools
import re

from .repository import ROOT, page

FAULTS = (
    "gateway away",
    "refuses",
    "accepts and drops",
    "accepts and serves the old set",
    "restarts",
    "clock off by 400 days",
    "Trustyard killed between sent and accepted",
    "writes failing while an agent writes",
    "check command fails",
    "reload command hangs",
    "two releases at once",
)
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| `(tests/[\w/]+\.py)::(\w+)` \|$", re.MULTILINE)


@functools.cache
def names_in(path: str) -> frozenset[str]:
    """The names of the tests in a module."""
    file = ROOT / path
    tree = ast.parse(file.read_text("utf-8")) if file.exists() else ast.Module([], [])
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def parts() -> tuple[str, str]:
    """The table of faults, and that of what gateways do."""
    _, faults, gateways = re.split(r"^## .+$", page("docs/reliability.md"), flags=re.MULTILINE)
    return faults, gateways


def test_every_fault_has_its_row() -> None:
    named = {fault for fault, _, _, _ in ROW.findall(parts()[0])}
    assert set(FAULTS) <= named


def test_each_of_the_programs_has_rows() -> None:
    named = {program for program, _, _, _ in ROW.findall(parts()[1])}
    assert {"Envoy", "HAProxy", "nginx"} <= named


def test_every_row_names_a_test_that_exists() -> None:
    rows = [row for part in parts() for row in ROW.findall(part)]
    lines = [line for line in page("docs/reliability.md").splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) == len(lines) - 2, "a row without a test; two lines are the heads"
    assert not [f"{path}::{name}" for _, _, path, name in rows if name not in names_in(path)]


def test_no_row_stands_twice() -> None:
    for part in parts():
        rows = ROW.findall(part)
        assert len({(what, name) for what, _, _, name in rows}) == len(rows)
