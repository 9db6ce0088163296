"""The program `trustyard` within this process, whose commands are put together once for all runs."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import typer.testing
from typer.main import get_command
from typer.testing import CliRunner, Result

from trustyard.cli import app

# Anew for each run it takes longer than most commands do; a start as everybody has it does it once, too.
typer.testing._get_command = functools.cache(get_command)  # type: ignore[attr-defined]


def invoke(arguments: Sequence[str], stdin: str | bytes | None, environment: Mapping[str, str | None]) -> Result:
    """`trustyard` with these arguments; a variable that is None is not set."""
    return CliRunner().invoke(app, arguments, input=stdin, env=environment)
