"""What README and the build server type is what the Makefile offers."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from .repository import ROOT, page

TARGETS = {"run", "test", "fast", "demo", "check", "lock"}


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", page("Makefile"), re.MULTILINE))


def test_the_makefile_has_its_targets() -> None:
    assert targets() >= TARGETS


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_every_make_command_of_a_page_exists(name: str) -> None:
    named = set(re.findall(r"(?:^|`|exec )make (?:[A-Z]+=\S+ )*([a-z]+)", page(name), re.MULTILINE))
    assert named
    assert named <= targets()


def test_readme_names_the_two_commands_on_its_first_screen() -> None:
    first = "\n".join(page("README.md").splitlines()[:40])
    assert "make run" in first
    assert "make test" in first


def test_the_build_server_runs_the_tests_without_standard_input() -> None:
    text = page(".ci/run")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_make_check_is_part_of_make_test() -> None:
    planned = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert "ruff check" in planned.stdout
    assert "lint-imports" in planned.stdout
    assert "pytest" in planned.stdout


def test_run_keeps_what_the_caller_allowed() -> None:
    recipe = page("Makefile").partition("\nrun:")[2].partition("\n\n")[0]
    assert "$${TRUSTYARD_FETCH_ALLOW-127.0.0.0/8,::1/128}" in recipe  # `-`, not `:-`: an empty value is a choice too
