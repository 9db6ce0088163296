"""A worker is killed, or told to end, between what it brought to a gateway and the receipt for it."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.authority import Authority
from tests.faults.story import add, deploy, post, said
from tests.server.nodes import Nodes
from tests.server.serving import Serving, eventually
from trustyard.gateways.folders import manifest
from trustyard.jobs.rescuing import DEAD_SECONDS

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(240)]
WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'trustyard_receipt'::regclass"
UNFINISHED = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('doing', 'failed')"
# A job that was done well is deleted; all else that a worker writes is taken.
REFUSING = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no outcome is taken'; END $$;
    CREATE TRIGGER refuse BEFORE DELETE ON procrastinate_jobs EXECUTE FUNCTION refuse();
"""


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    (tmp_path / "roots").mkdir()
    with Nodes(tmp_path, FILES_ROOTS=str(tmp_path / "roots")) as nodes:
        yield nodes


@contextmanager
def nothing_is_recorded(nodes: Nodes) -> Iterator[psycopg.Connection[object]]:
    """Receipts can be read and not written: who writes one waits."""
    with psycopg.connect(nodes.settings["DATABASE_URL"]) as connection:
        connection.execute("LOCK TABLE trustyard_receipt IN EXCLUSIVE MODE")
        yield connection
        connection.rollback()


def get(worker: Serving, path: str) -> httpx.Response:
    """What the worker itself says."""
    return httpx.get(worker.url + path, trust_env=False, verify=False, timeout=30)


def brought(nodes: Nodes) -> int:
    """The release that is current in the folder of the gateway."""
    found = manifest(nodes.folder / "roots" / "edge" / "current")
    return found["release"] if found else 0


def server_and_worker(nodes: Nodes) -> tuple[Serving, Serving]:
    server = nodes.start("a", JOBS="off")
    worker = nodes.start("w", "worker", WORKER_LISTEN="127.0.0.1:0")
    add(server, "files", {"directory": str(nodes.folder / "roots" / "edge")})
    assert deploy(server, "first", Authority("First CA"), wait=60)["state"] == "accepted"
    return server, worker


def test_a_worker_that_is_killed_between_sending_and_recording_is_replaced_and_the_receipt_is_there_once(
    nodes: Nodes,
) -> None:
    server, worker = server_and_worker(nodes)
    with nothing_is_recorded(nodes) as connection:
        assert post(server, "second", Authority("Second CA").pem, wait=0).status_code == 201
        eventually(lambda: brought(nodes) == 2, 30)
        eventually(lambda: connection.execute(WAITING).fetchone(), 30)
        assert said(server)["state"] == "pending"
        worker.kill()
    # What was brought stays in force, and is not said to be until somebody can say so.
    assert (said(server)["state"], brought(nodes)) == ("pending", 2)
    other = nodes.start("v", "worker")
    eventually(lambda: said(server)["state"] == "accepted", 60)
    assert any("worker.rescued" in line for line in other.log)
    assert brought(nodes) == 2
    with psycopg.connect(nodes.settings["DATABASE_URL"]) as database:
        receipts = "SELECT count(*) FROM trustyard_receipt r JOIN trustyard_gateway g ON g.id = r.gateway_id"
        assert database.execute(f"{receipts} WHERE g.name = 'edge'").fetchone() == (2,)  # one for each release
        eventually(lambda: database.execute(UNFINISHED).fetchone() == (0,), 30)  # the job ends behind its receipt
    assert deploy(server, "third", Authority("Third CA"), wait=60)["state"] == "accepted"


def test_a_worker_whose_outcome_is_not_taken_once_goes_on_with_that_gateway(nodes: Nodes) -> None:
    server, worker = server_and_worker(nodes)
    with psycopg.connect(nodes.settings["DATABASE_URL"], autocommit=True) as database:
        with nothing_is_recorded(nodes) as connection:
            assert post(server, "second", Authority("Second CA").pem, wait=0).status_code == 201
            eventually(lambda: connection.execute(WAITING).fetchone(), 30)
            database.execute(REFUSING)
        eventually(lambda: any("no outcome is taken" in line for line in worker.log), 30)
        database.execute("DROP FUNCTION refuse CASCADE")
    assert deploy(server, "third", Authority("Third CA"), wait=25)["state"] == "accepted"
    assert worker.process.poll() is None


def test_a_worker_that_is_told_to_end_records_what_it_brought_before_it_does(nodes: Nodes) -> None:
    server, worker = server_and_worker(nodes)
    assert get(worker, "/healthz").json() == {"status": "ok"}
    assert get(worker, "/readyz").json() == {"status": "ready"}
    figures = get(worker, "/metrics").text
    assert re.search(r'^trustyard_deliveries_total{kind="files",state="accepted"} [1-9]', figures, re.MULTILINE)
    assert "trustyard_database_up 1.0" in figures
    for refused in (
        get(worker, "/api/v1/certificates"),
        httpx.post(f"{worker.url}/healthz", trust_env=False, timeout=30),
    ):
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.status_code == (404 if refused.request.method == "GET" else 405)
    with ThreadPoolExecutor() as pool:
        with nothing_is_recorded(nodes) as connection:
            assert post(server, "second", Authority("Second CA").pem, wait=0).status_code == 201
            eventually(lambda: connection.execute(WAITING).fetchone(), 30)
            code = pool.submit(worker.terminate)
            eventually(lambda: any("worker.stopping" in line for line in worker.log))
            signal.sigtimedwait([], 1)
        assert code.result() == 0
    assert (said(server)["state"], brought(nodes)) == ("accepted", 2)
    assert not [line for line in worker.log if "Traceback" in line or "ending.cut_short" in line]
    with psycopg.connect(nodes.settings["DATABASE_URL"]) as database:
        assert database.execute(UNFINISHED).fetchone() == (0,), "nobody has to free what it had begun"


def test_what_takes_long_stays_with_its_worker_though_another_has_nothing_to_do(nodes: Nodes) -> None:
    server, worker = server_and_worker(nodes)
    other = nodes.start("v", "worker")
    with nothing_is_recorded(nodes) as connection:
        assert post(server, "second", Authority("Second CA").pem, wait=0).status_code == 201
        eventually(lambda: connection.execute(WAITING).fetchone(), 30)
        signal.sigtimedwait([], DEAD_SECONDS + 3)
    eventually(lambda: said(server)["state"] == "accepted", 30)
    assert not [line for line in (*worker.log, *other.log) if "worker.rescued" in line]


def test_a_worker_without_its_database_lives_and_is_not_ready(nodes: Nodes) -> None:
    worker = nodes.start("w", "worker", WORKER_LISTEN="127.0.0.1:0")
    address, _, name = nodes.settings["DATABASE_URL"].rpartition("/")
    eventually(lambda: get(worker, "/readyz").status_code == 200, 30)
    with psycopg.connect(f"{address}/postgres", autocommit=True) as administrator:
        try:
            administrator.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")  # type: ignore[call-overload]  # ours
            administrator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            eventually(lambda: get(worker, "/readyz").status_code == 503, 30)
            assert get(worker, "/readyz").json()["detail"] == "The database cannot be reached."
            assert get(worker, "/healthz").status_code == 200
            assert "trustyard_database_up 0.0" in get(worker, "/metrics").text
        finally:
            administrator.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")  # type: ignore[call-overload]  # ours
    eventually(lambda: get(worker, "/readyz").status_code == 200, 30)
