"""Promoting many certificates at once: the preview, then the promotion, in this process and without a socket.

First all are added to an empty environment, then all are replaced there by others, then again while a JWK hangs on
every second one and comes along. The database is a SQLite file, or a PostgreSQL with fsync.

    .venv/bin/python benchmarks/promoting.py [--certificates 10,300,2000] [--postgresql]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from made import certificates

sys.path.insert(0, str(Path(__file__).parent.parent))

from trustyard.pki.certificates import pem


def main() -> None:
    """Prints a table: milliseconds, with this process's processor time; of the preview also its queries and memory."""
    parser = argparse.ArgumentParser(description="Promotions of many certificates.")
    parser.add_argument("--certificates", default="10,300,2000", help="numbers with commas")
    parser.add_argument("--postgresql", action="store_true", help="instead of a SQLite file")
    options = parser.parse_args()
    with database(postgresql=options.postgresql):
        print(f"{'milliseconds (processor)':<32}{'preview':>18}{'queries':>9}{'peak MB':>9}{'promote':>18}")
        for count in map(int, options.certificates.split(",")):
            for what, jwks in _stages(count):
                figures = "{:>10.1f} ({:>5.0f}){:>9}{:>9.1f}{:>10.1f} ({:>5.0f})".format(*_measured(count, jwks))
                print(f"{f'{count:,} {what}':<32}{figures}", flush=True)


@contextlib.contextmanager
def database(*, postgresql: bool) -> Iterator[None]:
    """A new one, migrated, with Django set up on it."""
    from saves import durable

    with contextlib.ExitStack() as running:
        folder = running.enter_context(tempfile.TemporaryDirectory(prefix="trustyard-benchmark-"))
        os.environ["TRUSTYARD_DATA_DIR"] = f"{folder}/data"
        if postgresql:
            os.environ["TRUSTYARD_DATABASE_URL"] = running.enter_context(durable()).create("promoting")
        from trustyard.server.configuration import Configuration
        from trustyard.server.opening import open_database

        open_database(Configuration.from_environment())
        yield


def _stages(count: int) -> Iterator[tuple[str, int]]:
    """Makes what is to be promoted; how it is called, and how many JWKs hang on it."""
    from trustyard import models
    from trustyard.actions import environments, jwks
    from trustyard.actions.actors import LOCAL

    for name in ("from", "to", "others", "again"):
        environments.create(LOCAL, name=f"{name}-{count}")
    _import(count, "from")
    yield "added", 0
    _renew(count, "others")
    yield "replaced", 0
    _renew(count, "again")
    held = models.Entry.objects.filter(environment__name=f"to-{count}", x509__is_ca=False).order_by("pk")
    chosen = list(held.values_list("certificate__name", flat=True)[: count // 2])
    for number, name in enumerate(chosen):
        jwks.create(LOCAL, name=f"signing-{count}-{number}", source=jwks.FromCertificate(name, f"to-{count}"))
    yield f"replaced, {len(chosen):,} JWKs", len(chosen)


def _measured(count: int, jwks: int) -> tuple[float, float, int, float, float, float]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from trustyard.actions import promotion
    from trustyard.actions.actors import LOCAL
    from trustyard.actions.certificates import JwkAnswer

    def look() -> promotion.Promotion:
        return promotion.preview(LOCAL, f"to-{count}", source=f"from-{count}")

    seen, *previewed = _timed(look)
    answers = {one["certificate"]: JwkAnswer("update", {}, one["certificate"]) for one in seen.questions}
    assert (len(seen.steps), len(answers)) == (count, jwks)
    with CaptureQueriesContext(connection) as queries:
        look()
    tracemalloc.start()
    look()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    target, given = f"to-{count}", {"source": f"from-{count}", "answers": answers, "version": seen.version}
    _, *promoted = _timed(lambda: promotion.promote(LOCAL, target, **given))
    return previewed[0], previewed[1], len(queries), peak, promoted[0], promoted[1]


def _timed(act: Callable[[], Any]) -> tuple[Any, float, float]:
    begun, used = time.perf_counter(), time.process_time()
    done = act()
    return done, (time.perf_counter() - begun) * 1000, (time.process_time() - used) * 1000


def _import(count: int, place: str) -> None:
    from trustyard.actions.actors import LOCAL
    from trustyard.actions.imports import Given, Import

    bundle = "".join(map(pem, certificates(count))).encode()
    running = Import(LOCAL, [f"{place}-{count}"], [Given("bundle.pem", bundle)])
    for _ in running.read():
        pass
    running.store()


def _renew(count: int, place: str) -> None:
    """Other certificates for the source's entries, straight into the tables: that is not what is measured."""
    from trustyard import models

    _import(count, place)
    new = models.Entry.objects.filter(environment__name=f"{place}-{count}").order_by("pk")
    rows = list(models.Entry.objects.filter(environment__name=f"from-{count}").order_by("pk"))
    for row, sha256 in zip(rows, new.values_list("x509_id", flat=True), strict=True):
        row.x509_id = sha256
    models.Entry.objects.bulk_update(rows, ["x509"], batch_size=100)


if __name__ == "__main__":
    main()
