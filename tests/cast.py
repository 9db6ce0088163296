"""The cast and the stage: who administers, operates, looks and is a stranger, and one real server per worker."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from tests.server import loaded
from tests.server.serving import PASSWORD, Serving, environment, run, token_for

ROLES = ("admin", "operator", "viewer")
_numbers = itertools.count(1)


class Stage:
    """A real `trustyard serve` and the people around it. `url` is the console's address, `xds` HOST:PORT."""

    password = PASSWORD  # of the user `admin`

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self.url = serving.url
        self.data_dir = serving.data_dir
        (self.xds,) = [line.removeprefix("xDS: ") for line in serving.said if line.startswith("xDS: ")]
        self._tokens: dict[tuple[str, tuple[str, ...]], str] = {}

    def token(self, role: str = "admin", environments: tuple[str, ...] = ()) -> str:
        """A token of that role, for these environments (none: all). `stranger` gets one that nobody knows."""
        if role == "stranger":
            return "ty_nobody"
        key = role, tuple(environments)
        if key not in self._tokens:
            self._tokens[key] = self._limited(role, environments) if environments else token_for(self.data_dir, role)
        return self._tokens[key]

    def _limited(self, role: str, environments: tuple[str, ...]) -> str:
        limits = [f"--env={name}" for name in environments]
        made = run(self.data_dir, "token", "create", f"{role}-{next(_numbers)}", "--role", role, *limits)
        return made.stdout.strip()

    def client(self, role: str = "admin", environments: tuple[str, ...] = ()) -> httpx.Client:
        """Speaks REST in that role; addresses are below `/api/v1`. Close it, or use it with `with`."""
        return httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {self.token(role, environments)}"},
            trust_env=False,
            timeout=75,
        )

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
