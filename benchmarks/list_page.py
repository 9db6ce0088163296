"""The list of certificates with 10,000 of them: median milliseconds over HTTP with a session, and its queries.

.venv/bin/python benchmarks/list_page.py [--certificates 10000] [--rounds 40]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.server.serving import PASSWORD, Serving, sign_in

PATHS = ("/certificates/", "/certificates/?page=150", "/certificates/?q=partner-77", "/certificates/?sort=valid_until")


def main() -> None:
    """Fills a data directory, starts a server on it, and measures."""
    parser = argparse.ArgumentParser(description="The list of certificates, measured.")
    parser.add_argument("--certificates", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trustyard-benchmark-") as name:
        data = Path(name) / "data"
        os.environ["TRUSTYARD_DATA_DIR"] = str(data)
        queries = _fill(options.certificates)
        with Serving(data) as server:
            _measure(server.url, options.rounds, queries, options.certificates)


def _fill(count: int) -> int:
    """Stores the certificates, and answers how many queries the list makes."""
    from trustyard.server.configuration import Configuration
    from trustyard.server.datadir import prepare
    from trustyard.server.opening import open_database

    configuration = Configuration.from_environment()
    prepare(configuration)
    open_database(configuration)
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from trustyard import models
    from trustyard.server.firststart import first_start

    first_start(PASSWORD)
    _store(count)
    client = Client()
    client.force_login(
        models.User.objects.get(username="admin"), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    with CaptureQueriesContext(connection) as captured:
        assert client.get("/certificates/", HTTP_HOST="127.0.0.1").status_code == 200
    return len(captured)


def _store(count: int) -> None:
    from django.db import transaction

    from tests.authority import Authority
    from trustyard import models
    from trustyard.pki.certificates import read_certificate

    authority = Authority("Benchmark CA")
    places = list(models.Environment.objects.order_by("pk"))
    with transaction.atomic():
        for number in range(count):
            stored = models.StoredCertificate.of(read_certificate(authority.issue(f"partner {number}").der))
            stored.save()
            name = f"partner-{number}"
            row = models.Certificate.objects.create(name=name, name_key=name, description="Mutual TLS")
            for place in places:
                models.Entry.objects.create(
                    certificate=row, environment=place, alias=name, alias_key=name, source_kind="file", x509=stored
                )


def _measure(url: str, rounds: int, queries: int, count: int) -> None:
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        assert sign_in(client, url)
        print(f"{count} certificates, {queries} queries for the list, median of {rounds}:")
        for path in PATHS:
            print(f"  {_median(client, path, rounds):6.1f} ms  {path}")


def _median(client: httpx.Client, path: str, rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        assert client.get(path).status_code == 200
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
