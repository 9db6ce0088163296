"""Saves without deploy over REST on one PostgreSQL, each committed with its audit event, by one and by two nodes.

The floor, in the same run and by as many clients: commits of one row through one lock (`SELECT … FOR UPDATE` of one
row, `INSERT`, `COMMIT`), since a chain of audit events has to go through one lock whatever writes it. The database
syncs each commit to disk.

    .venv/bin/python benchmarks/saves.py [--saves 400] [--clients 1,8] [--nodes 1,2] [--rounds 3] [--disk 0]

`--disk` are milliseconds that each write to the disk takes longer, for both: a disk of the machine itself may confirm
in a third of one, a disk in a network takes several.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from load import request, send
from made import certificates
from processes import cpu_seconds

sys.path.insert(0, str(Path(__file__).parent.parent))

from table import Row

from tests.databases import Cluster
from tests.server.serving import Serving, run
from trustyard.pki.certificates import pem
from trustyard.pki.sentences import plural

if TYPE_CHECKING:
    from stage import Stage  # which starts its database as this module says

DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on", "max_connections=200", "shared_buffers=128MB")
SLOWER = 2.0  # milliseconds that each write to the disk takes longer


def rows(stage: Stage) -> Iterator[Row]:
    """Two nodes, and as many one-row commits as fit: on the disk that is here, and on a slower one."""
    with durable(SLOWER) as slower:
        for cluster, disk in ((stage.cluster, ""), (slower, f", disk {SLOWER:g} ms slower")):
            with serving(cluster, 2) as (urls, token, pids):
                for clients in (1, 8):
                    ours, floor = compared(cluster, urls, token, pids, clients, 300, 3)
                    what = f"saves by two nodes, {plural(clients, 'client')}{disk}"
                    yield Row(what, "/s", ours.per_second, floor, "one-row commits through one lock", goal=0.5)


@dataclass(frozen=True)
class Rate:
    """Saves per second, and milliseconds of processor time for each: nodes and database together."""

    per_second: float
    cpu_ms: float


def main() -> None:
    """Prints the ratios first."""
    parser = argparse.ArgumentParser(description="Saves per second on PostgreSQL, against one-row commits.")
    parser.add_argument("--saves", type=int, default=400, help="of each round")
    parser.add_argument("--clients", default="1,8", help="numbers with commas")
    parser.add_argument("--nodes", default="1,2", help="numbers with commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--disk", type=float, default=0.0, help="milliseconds that each write to the disk takes longer")
    options = parser.parse_args()
    with durable(options.disk) as cluster:
        for nodes, clients in itertools.product(_numbers(options.nodes), _numbers(options.clients)):
            with serving(cluster, nodes) as (urls, token, pids):
                ours, floor = compared(cluster, urls, token, pids, clients, options.saves, options.rounds)
            print(f"{nodes} node(s), {clients} client(s): {ours.per_second / floor:.2f} of one-row commits", end="")
            print(f"   {ours.per_second:.0f} against {floor:.0f}/s, {ours.cpu_ms:.1f} ms of CPU a save", flush=True)


def compared(
    cluster: Cluster, urls: list[str], token: str, pids: list[int], clients: int, count: int, rounds: int
) -> tuple[Rate, float]:
    """The medians of the rounds: ours, and one-row commits per second; in turns, as others may be at work here."""
    requests = made(count * rounds + count, token, f"partner-{clients}")
    send(urls, itertools.islice(requests, count), clients)  # warms up
    rates, floors = [], []
    for _ in range(rounds):
        rates.append(measured(urls, itertools.islice(requests, count), clients, [*pids, cluster.process.pid]))
        floors.append(one_row_commits(cluster, clients, count * 2))
    cpu = statistics.median(rate.cpu_ms for rate in rates)
    return Rate(statistics.median(rate.per_second for rate in rates), cpu), statistics.median(floors)


@contextlib.contextmanager
def durable(slower: float = 0.0) -> Iterator[Cluster]:
    """A PostgreSQL that keeps what it confirmed, and waits so many milliseconds more before each write to the disk."""
    cluster = Cluster(*DURABLE, f"commit_delay={slower * 1000:.0f}", "commit_siblings=0")
    try:
        yield cluster.start()
    finally:
        cluster.remove()


@contextlib.contextmanager
def serving(cluster: Cluster, nodes: int) -> Iterator[tuple[list[str], str, list[int]]]:
    """So many `trustyard serve` on a new database: their addresses, a token, their processes."""
    address = cluster.create(f"saves_{time.monotonic_ns()}")
    with tempfile.TemporaryDirectory(prefix="trustyard-benchmark-") as name, contextlib.ExitStack() as running:
        settings = settings_of_a_node(address, Path(name))
        folders = [Path(name) / f"node-{number}" for number in range(nodes)]
        servers = [running.enter_context(Serving(folder, **settings)) for folder in folders]
        made = run(folders[0], "token", "create", "saves", "--role", "admin", **settings)
        yield [server.url for server in servers], made.stdout.strip(), [server.process.pid for server in servers]


def settings_of_a_node(address: str, folder: Path) -> dict[str, str]:
    """With the secret key that all nodes of a database share; it is made here."""
    key = folder / "secret-key"
    key.touch(0o600)
    key.write_text(secrets.token_urlsafe(64) + "\n")
    return {"DATABASE_URL": address, "SECRET_KEY_FILE": str(key), "ACCESS_LOG": "off"}


def made(count: int, token: str, prefix: str = "partner") -> Iterator[bytes]:
    """Requests that each save one certificate in one environment, and deploy nothing."""
    for number, der in enumerate(certificates(count)):
        name = f"{prefix}-{number}"
        source = {"kind": "paste", "encoding": "BASE64PEM", "content": pem(der)}
        body = {"name": name, "entries": [{"environment": "test", "alias": name, "source": source}]}
        yield request("POST", "/api/v1/certificates", token, body)


def measured(urls: list[str], requests: Iterator[bytes], clients: int, pids: list[int]) -> Rate:
    """One round."""
    ready = list(requests)
    before = cpu_seconds(*pids)
    sent = send(urls, ready, clients)
    return Rate(sent.rate, (cpu_seconds(*pids) - before) / len(ready) * 1000)


def one_row_commits(cluster: Cluster, clients: int, count: int) -> float:
    """Per second: each takes the lock of one row, inserts a row and commits."""
    cluster.execute("DROP TABLE IF EXISTS head, row")
    cluster.execute("CREATE TABLE head (id int PRIMARY KEY, at bigint)")
    cluster.execute("INSERT INTO head VALUES (1, 0)")
    cluster.execute("CREATE TABLE row (id bigserial PRIMARY KEY, said text)")
    turns = iter(range(count))
    begin = threading.Barrier(clients + 1)

    def client() -> None:
        with psycopg.connect(f"{cluster.url}postgres") as connection:
            begin.wait()
            for turn in turns:
                connection.execute("SELECT at FROM head WHERE id = 1 FOR UPDATE")
                connection.execute("INSERT INTO row (said) VALUES (%s)", [f"row {turn}"])
                connection.commit()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    begin.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    return count / (time.perf_counter() - begun)


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


if __name__ == "__main__":
    main()
