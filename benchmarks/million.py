"""Lists, searches and truststores with 10,000 and with 1,000,000 certificates in 200 environments on PostgreSQL.

Each line is a whole request through Django, from its address to the bytes of the answer, in this process and without a
socket; `cold` is the first of its kind, `median` and `p95` are of those that follow. `cpu` is the processor time of
each, this process and its PostgreSQL together: what is left of `median` where nobody else is at work. The PostgreSQL is
its own, with fsync as it comes; the million takes some minutes to fill.

    .venv/bin/python benchmarks/million.py [--certificates 10000,1000000] [--rounds 20]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from processes import cpu_seconds
from saves import settings_of_a_node

sys.path.insert(0, str(Path(__file__).parent.parent))

# What a machine of 8 GB would be given; docs/scale.md says what each does.
SETTINGS = (
    "shared_buffers=2GB", "work_mem=16MB", "maintenance_work_mem=512MB", "max_wal_size=4GB",
    "effective_cache_size=6GB", "random_page_cost=1.1", "jit=off", "listen_addresses=''",
)  # fmt: skip


def main() -> None:
    """Fills a database of each size, measures each in a process of its own, and prints one table."""
    parser = argparse.ArgumentParser(description="Lists at two sizes, measured.")
    parser.add_argument("--certificates", default="10000,1000000", help="sizes with commas")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--measure", help=argparse.SUPPRESS)  # the address of a filled database
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(dict(_measured(options.rounds))))
        return
    sizes = [int(size) for size in options.certificates.split(",")]
    found = {size: _of_size(size, options.rounds) for size in sizes}
    print(f"{'milliseconds':<34}" + "".join(f"{size:>12,} cold  median     p95     cpu" for size in sizes))
    for name in found[sizes[0]]:
        figures = "".join("     {:>12.0f} {:>7.0f} {:>7.0f} {:>7.0f}".format(*found[size][name]) for size in sizes)
        print(f"{name:<34}{figures}")


def _of_size(size: int, rounds: int) -> dict[str, list[float]]:
    from tests.databases import Cluster

    cluster = Cluster(*SETTINGS)
    try:
        with tempfile.TemporaryDirectory(prefix="trustyard-benchmark-") as folder:
            url = cluster.start().create("million")
            settings = {"DATA_DIR": f"{folder}/data", **settings_of_a_node(url, Path(folder))}
            os.environ |= {f"TRUSTYARD_{name}": value for name, value in settings.items()}
            for words in (["--fill", str(size)], ["--measure", url, "--rounds", str(rounds)]):
                script = "filling.py" if words[0] == "--fill" else "million.py"
                command = [sys.executable, str(Path(__file__).parent / script), *words]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            measured: dict[str, list[float]] = json.loads(done.stdout)
            return measured
    finally:
        cluster.remove()


def _measured(rounds: int) -> Iterator[tuple[str, list[float]]]:
    from trustyard.server.opening import set_up

    set_up()
    from django.db import connection

    for name, ask in _questions():
        cold = _milliseconds(ask)
        both = os.getpid(), connection.connection.info.backend_pid
        begun = cpu_seconds(*both)
        following = sorted(_milliseconds(ask) for _ in range(rounds))
        cpu = (cpu_seconds(*both) - begun) / rounds * 1000
        yield name, [cold, statistics.median(following), following[int(len(following) * 0.95)], cpu]


def _milliseconds(ask: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    ask()
    return (time.perf_counter() - begun) * 1000


def _questions() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each with its name; those of the REST API first, then the console's, then what the jobs ask every two seconds."""
    from django.test import Client

    from trustyard import models
    from trustyard.actions import agents, delivery, proofs, tokens
    from trustyard.actions.actors import LOCAL

    _, secret = tokens.create(LOCAL, f"million-{time.time_ns()}", role="viewer")
    client = Client(headers={"authorization": f"Bearer {secret}", "host": "127.0.0.1"})

    def ask(by: Client, path: str, query: dict[str, Any]) -> bytes:
        answer = by.get(path, query)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code} {answer.content[:300]!r}")
        return bytes(answer.content)

    def api(path: str, **query: Any) -> Any:
        return json.loads(ask(client, f"/api/v1/{path}", query))

    for name, query in _lists():
        yield name, lambda query=query: api("certificates", **query)  # type: ignore[misc]  # bound at once
    for sort in ("name", "-valid_until", "-changed"):
        cursor = _deep(sort)
        yield f"deep page by {sort}", lambda sort=sort, cursor=cursor: api("certificates", sort=sort, cursor=cursor)  # type: ignore[misc]  # bound at once
    one = models.Certificate.objects.order_by("pk")[777]
    yield "one certificate", lambda: api(f"certificates/{one.name}")
    yield "truststore of one environment", lambda: api("environments/site-017/truststore")
    yield "truststore, q", lambda: api("environments/site-017/truststore", q="harbour")
    yield "releases of one environment", lambda: api("environments/site-017/releases")
    yield "JWKs", lambda: api("jwks")
    for query in ({}, {"actor": "person-3"}, {"action": "release.deploy"}, {"object": "partner-0000777"}):
        yield f"audit {query or ''}".strip(), lambda query=query: api("audit", **query)  # type: ignore[misc]  # bound at once
    person = models.User.objects.get_or_create(username="looks", defaults={"role": "operator"})[0]
    browser = Client(headers={"host": "127.0.0.1"})
    browser.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    place = models.Environment.objects.get(name="site-017").pk
    preview, promotion = f"/environments/{place}/preview/", "/environments/promote/?from=site-017&to=site-018"
    for path in (
        "/certificates/", "/certificates/?page=200", f"/certificates/{one.pk}/", "/gateways/", "/releases/",
        "/environments/", f"/environments/{place}/waits/", preview, promotion,
    ):  # fmt: skip
        yield f"console {path}", lambda path=path: ask(browser, path, {})  # type: ignore[misc]  # bound at once
    for job in (delivery.behind, proofs.wanted, agents.standings):
        yield f"every two seconds: {job.__name__}", job


def _lists() -> Iterator[tuple[str, dict[str, Any]]]:
    from trustyard import models

    yield "first page", {}
    for sort in ("-name", "valid_until", "-valid_until", "changed", "-changed"):
        yield f"sort {sort}", {"sort": sort}
    yield "environment", {"environment": "site-017"}
    for status in ("valid", "not yet valid", "expiring", "expired", "revoked"):
        yield f"status {status}", {"status": status}
    yield "expired, sort valid_until", {"status": "expired", "sort": "valid_until"}
    for days in (1, 30):
        yield f"expires_within {days}", {"expires_within": days}
    for connected in ("true", "false"):
        yield f"connected_jwks {connected}", {"connected_jwks": connected}
    one = models.StoredCertificate.objects.filter(is_ca=False).order_by("pk")[5]
    colons = ":".join(one.sha256[at : at + 2] for at in range(0, 64, 2)).upper()
    searches = {
        "rare": "partner-0007123", "an organisation": "Harbour Bank", "common": "example", "no match": "quetzalcoatl",
        "SHA-256": one.sha256, "SHA-256 with colons": colons, "SHA-1": one.sha1, "serial": one.serial_hex,
        "part of a serial": one.serial_hex[4:14], "SAN": "www.partner-0008111.",
    }  # fmt: skip
    for name, text in searches.items():
        yield f"q {name}", {"q": text}
    yield "q and environment", {"q": "Harbour", "environment": "site-017"}


def _deep(sort: str) -> str:
    """A cursor in the middle of the list, as the page before it would have given it."""
    from trustyard import models
    from trustyard.actions.actors import LOCAL
    from trustyard.actions.certificates_read import fitting, in_order
    from trustyard.api.paging import _cursor, _mark, _value

    rows = in_order(fitting(LOCAL).rows, sort)
    order = [str(name) for name in rows.query.order_by]
    row = rows[models.Certificate.objects.count() // 2]
    return _cursor(_mark("/api/v1/certificates", order), [_value(row, name) for name in order])


if __name__ == "__main__":
    main()
