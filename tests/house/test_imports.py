"""What import-linter cannot see: what is loaded when, and that its contracts name every gateway kind."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .repository import PACKAGE, project

LOADED = "import sys; {}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"


def tops_after(statement: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(statement)], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("package", ["pki", "sources", "errors"])
def test_the_lower_layers_load_no_framework(package: str) -> None:
    assert not tops_after(f"import trustyard.{package}") & {"django", "ninja", "allauth"}


def test_the_command_line_starts_without_django_and_without_a_client_that_a_server_would_keep() -> None:
    assert not tops_after("import trustyard.cli") & {"django", "ninja", "allauth", "grpc", "uvicorn", "httpx"}


def test_a_client_command_runs_without_django() -> None:
    run = "from trustyard.cli import main; sys.argv = ['trustyard', 'cert', 'list', '--url', 'http://127.0.0.1:9']"
    statement = f"exec('''\n{run}\ntry:\n    main()\nexcept SystemExit:\n    pass\n''')"
    assert not tops_after(statement) & {"django", "ninja", "allauth", "grpc"}


def test_each_gateway_kind_stands_in_the_contract_that_keeps_kinds_apart() -> None:
    contracts = project()["tool"]["importlinter"]["contracts"]
    (apart,) = [contract for contract in contracts if contract["type"] == "independence"]
    kinds = {path.parent.name for path in (PACKAGE / "gateways").glob("*/__init__.py")}
    assert kinds
    assert {f"trustyard.gateways.{kind}" for kind in kinds} == set(apart["modules"])
