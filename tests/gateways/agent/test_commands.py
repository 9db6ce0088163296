"""A command that nobody here may end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.programs import need
from trustyard.gateways.agent import commands
from trustyard.gateways.agent.configuration import Command

NOBODY = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a program that becomes root, as sudo is")
@pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")  # it goes on, which is what this is about
def test_a_command_that_became_another_user_cannot_be_ended_and_is_said_to_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commands, "KILL_SECONDS", 0.1)
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        sudo = Path(shutil.copy(need("setpriv", package="util-linux"), folder))
        sudo.chmod(0o4755)
        command = Command(command=(str(sudo), "--reuid=0", "sh", "-c", "echo begun; exec sleep 2"), seconds=0.5)
        with as_nobody():
            outcome = commands.run("reload", command, {})
    assert not outcome.good
    assert outcome.words == (
        "reload did not end within 0.5 seconds and could not be ended, as under sudo or amid a disk that hangs: begun"
    )
