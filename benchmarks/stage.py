"""What several rows are measured on: one PostgreSQL, our node and Lemur on it, each with as many certificates."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from pathlib import Path

import httpx
from lemur_server import Lemur
from made import certificates
from saves import durable, settings_of_a_node

from tests.databases import Cluster
from tests.server.serving import Serving, run
from trustyard.pki.certificates import pem

IMPORT_SECONDS = 300
PLACES = 10  # environments that our certificates are spread over


class Stage:
    """Each part is started when it is first asked for, and ends with the stage."""

    def __init__(self, filled: int) -> None:
        self.filled = filled
        self._running = contextlib.ExitStack()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @functools.cached_property
    def folder(self) -> Path:
        """For whatever is written while measuring."""
        return Path(self._running.enter_context(tempfile.TemporaryDirectory(prefix="trustyard-benchmark-")))

    @functools.cached_property
    def cluster(self) -> Cluster:
        """The database of both, which syncs each commit to disk."""
        return self._running.enter_context(durable())

    @functools.cached_property
    def ours(self) -> Serving:
        """One node."""
        return self._running.enter_context(Serving(self.folder / "ours", **self.settings))

    @functools.cached_property
    def second(self) -> Serving:
        """Another node on the same database."""
        self.ours  # noqa: B018 - started first: it makes the tables
        return self._running.enter_context(Serving(self.folder / "second", **self.settings))

    @functools.cached_property
    def settings(self) -> dict[str, str]:
        """Of our node, and of another on the same database."""
        return settings_of_a_node(self.cluster.create("ours"), self.folder)

    @functools.cached_property
    def token(self) -> str:
        """An administrator's, at our node."""
        self.ours  # noqa: B018 - started first: it makes the tables
        return run(self.folder / "ours", "token", "create", "run", "--role", "admin", **self.settings).stdout.strip()

    @functools.cached_property
    def rest(self) -> httpx.Client:
        """Speaks with our node as that administrator."""
        return self._running.enter_context(speaks(self.ours, self.token))

    @functools.cached_property
    def lemur(self) -> Lemur:
        """With its two workers."""
        return self._running.enter_context(Lemur(self.folder / "lemur", self.cluster.create("lemur")))

    @functools.cached_property
    def places(self) -> list[str]:
        """Our environments with as many certificates each, all of them in force."""
        names = fill(self.rest, self.filled)
        self.cluster.execute("VACUUM ANALYZE", "ours")
        return names

    def fill_lemur(self) -> None:
        """As many certificates there: few that it imported, copied in its tables."""
        self.lemur.fill(self.filled)
        self.cluster.execute("VACUUM ANALYZE", "lemur")


def speaks(server: Serving, token: str) -> httpx.Client:
    """A client of the REST API there."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, trust_env=False, timeout=IMPORT_SECONDS)


def fill(rest: httpx.Client, count: int) -> list[str]:
    """Imports so many certificates into new environments, and makes a release of each; the environments' names."""
    names = [f"place-{number}" for number in range(PLACES)]
    ders = certificates(count)
    for number, name in enumerate(names):
        rest.post("/environments", json={"name": name, "type": "test"}).raise_for_status()
        bundle = "".join(pem(der) for der in ders[number::PLACES]).encode()
        files, given = {"file": (f"{name}.pem", bundle)}, {"environments": name, "deploy": "true"}
        rest.post("/certificates/import?wait=0", files=files, data=given).raise_for_status()
    return names
