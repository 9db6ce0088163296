"""The stage: one real server per worker, and who speaks to it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.server import loaded
from tests.server.serving import Serving, environment, token_for


class Stage:
    """A real `trustyard serve` and the people around it. `url` is the console's address."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self.url = serving.url
        self.data_dir = serving.data_dir
        self._tokens: dict[str, str] = {}

    def token(self, role: str = "admin") -> str:
        """A token of that role."""
        if role not in self._tokens:
            self._tokens[role] = token_for(self.data_dir, role)
        return self._tokens[role]

    def cli(self, *arguments: str, role: str = "admin", stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """A client command in that role; its exit code is the caller's to judge."""
        env = environment(self.data_dir) | {"TRUSTYARD_URL": self.url, "TRUSTYARD_TOKEN": self.token(role)}
        return loaded.run(*arguments, env=env, cwd=self.data_dir.parent, stdin=stdin or "", timeout=90)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One server for all tests of this worker; they use names of their own (`unique`)."""
    with Serving(tmp_path_factory.mktemp("stage") / "data") as serving:
        yield Stage(serving)


@pytest.fixture(scope="session")
def server(stage: Stage) -> Stage:
    """The same, by the name that most tests use; tests/server has a bare one of its own."""
    return stage
