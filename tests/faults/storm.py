"""Random faults of PostgreSQL and of nodes under load, one after another; after each a save must be in force in time.

    .venv/bin/python -m tests.faults.storm [--minutes 5] [--seed 1]

Two servers and a worker share a database. Not part of the suite, for it has no end: it finds what no drill was written
for.
"""

from __future__ import annotations

import argparse
import random
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.authority import Authority
from tests.databases import Cluster
from tests.faults.savers import Savers
from tests.faults.story import add, post, said
from tests.server.nodes import Nodes
from tests.server.serving import Serving, eventually, run

SETTINGS = ("fsync=on", "max_connections=300", "shared_buffers=32MB", "listen_addresses=''")
DATABASE = "storm"
SERVERS = ("a", "b")
SECONDS = 40  # until a save is in force again


class Storm:
    """A database with its nodes, and what may happen to them."""

    def __init__(self, cluster: Cluster, nodes: Nodes, chance: random.Random) -> None:
        self._cluster, self._nodes, self._chance = cluster, nodes, chance
        self.running: dict[str, Serving] = {}
        for name in (*SERVERS, "w"):
            self._start(name)
        self.faults: list[Callable[[], None]] = [
            self.connections_cut, self.no_writes, self.database_stopped, self.database_asleep, self.node_ended,
        ]  # fmt: skip

    def servers(self) -> list[Serving]:
        return [self.running[name] for name in SERVERS]

    def connections_cut(self) -> None:
        for _ in range(self._chance.randrange(1, 5)):
            self._cluster.cut(DATABASE, self._chance.choice([1.0, self._chance.random()]))
            time.sleep(self._chance.random() / 2)

    def no_writes(self) -> None:
        with self._cluster.read_only():
            time.sleep(3 * self._chance.random() ** 2)

    def database_stopped(self) -> None:
        self._cluster.stop(self._chance.choice([signal.SIGINT, signal.SIGQUIT]))
        time.sleep(4 * self._chance.random())
        self._cluster.start()

    def database_asleep(self) -> None:
        with self._cluster.asleep():
            time.sleep(self._chance.choice([0.5, 2, 8, 18]))

    def node_ended(self) -> None:
        name = self._chance.choice(list(self.running))
        if self._chance.random() < 0.5:
            self.running[name].kill()
        else:
            assert self.running[name].terminate() == 0
        self._start(name)

    def _start(self, name: str) -> None:
        node = self.running[name] = self._nodes.start(name, "worker" if name == "w" else "serve")
        assert node.token  # made now, and shared with those that start later: the database may be away then

    def is_over(self, number: int) -> None:
        """All servers are ready, and a save at one of them is in force."""
        for server in self.servers():
            eventually(lambda server=server: _ready(server), SECONDS)  # type: ignore[misc]  # bound at once
        server = self._chance.choice(self.servers())
        pem = Authority(f"Round {number}").pem
        eventually(lambda: post(server, f"round {number} {time.monotonic()}", pem, wait=0).status_code == 201, SECONDS)
        eventually(lambda: said(server)["state"] == "accepted", SECONDS)


def _ready(server: Serving) -> bool:
    return httpx.get(f"{server.url}/readyz", trust_env=False, timeout=30).status_code == 200


def main() -> None:
    """Prints each fault, how the saves under way were answered, and how long it took until the next was in force."""
    parser = argparse.ArgumentParser(description="Random faults under load.")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    cluster = Cluster(*SETTINGS).start()
    try:
        with tempfile.TemporaryDirectory(prefix="trustyard-storm-") as name:
            folder = Path(name)
            url = cluster.create(DATABASE)
            with Nodes(folder, DATABASE_URL=url, FILES_ROOTS=name) as nodes:
                chance = random.Random(options.seed)
                storm = Storm(cluster, nodes, chance)
                add(storm.running["a"], "files", {"directory": str(folder / "edge")})
                _rage(storm, chance, options.minutes * 60)
                print(run(storm.running["a"].data_dir, "audit", "verify", **nodes.settings).stdout.strip())
    finally:
        cluster.remove()


def _rage(storm: Storm, chance: random.Random, seconds: float) -> None:
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        fault = chance.choice(storm.faults)
        with Savers(*storm.servers(), clients=4) as savers:
            fault()
            time.sleep(chance.random())
        begun = time.monotonic()
        storm.is_over(number)
        print(
            number,
            fault.__name__,
            dict(savers.statuses),
            f"in force after {time.monotonic() - begun:.1f} s",
            flush=True,
        )
        assert savers.unexpected == []
    savers.check(storm.running["a"])


if __name__ == "__main__":
    main()
