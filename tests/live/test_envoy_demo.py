"""`make demo` and the benchmark, as they are started by a person."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.envoy import binary


@pytest.fixture(autouse=True)
def _envoy() -> None:
    binary()


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("TRUSTYARD_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, *command], cwd=root, env=environ, capture_output=True, text=True, check=False, timeout=110
    )


def test_the_demo_does_what_it_says(root: Path) -> None:
    ended = run(root, "demo/run.py")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "NO " not in ended.stdout
    assert "Acme renews its certificate with a new key: nothing is cut silently" in ended.stdout


def test_the_benchmark_measures_both_ways_in_one_run(root: Path) -> None:
    """What it prints is for people; that it still runs is for the tests."""
    ended = run(root, "benchmarks/envoy_save.py", "--rounds", "2")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("ratio of the medians")
