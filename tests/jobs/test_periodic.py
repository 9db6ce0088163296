"""What nodes on PostgreSQL do by the clock: once among them, whichever it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.authority import Authority
from tests.faults.clocks import NONE, clock_off
from tests.faults.story import add, deploy
from tests.server.nodes import Nodes
from tests.server.serving import eventually

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(240)]
# A session that ended, a job that failed two days ago, and one that a version before this one never took.
OLD = """
    INSERT INTO django_session VALUES ('ended', '', now() - interval '1 hour');
    INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args)
    VALUES ('default', 'trustyard:read_back', 'read back', '{"timestamp": 0}') ON CONFLICT DO NOTHING;
    WITH job AS (
        INSERT INTO procrastinate_jobs (queue_name, task_name, status)
        VALUES ('trustyard', 'trustyard:deliver', 'failed') RETURNING id
    )
    INSERT INTO procrastinate_events (job_id, type, at) SELECT id, 'failed', now() - interval '2 days' FROM job;
"""
ENDED = "SELECT session_key FROM django_session WHERE session_key = 'ended'"
LONG_AGO = """
    SELECT task_name FROM procrastinate_jobs WHERE queue_name = 'default'
    UNION ALL SELECT type::text FROM procrastinate_events WHERE at < now() - interval '1 day'
"""
NOW = """
    SELECT task_name FROM procrastinate_periodic_defers
    WHERE task_name = 'trustyard:read_back' AND defer_timestamp <= extract(epoch FROM now())
"""
# What fell due within ten minutes before a worker begins anew is done at once: the clean-up of minute seven, and the
# removal of old jobs in minute seventeen.
MOMENTS = ((12, ENDED), (20, LONG_AGO))


def test_folders_are_read_back_and_what_is_old_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "edge"
    with clock_off(NONE, tmp_path) as believe, Nodes(tmp_path, FILES_ROOTS=str(tmp_path)) as nodes:
        a, b = nodes.start("a"), nodes.start("b")
        add(a, "files", {"directory": str(folder)})
        assert deploy(a, "first", Authority("First CA"), wait=60)["state"] == "accepted"
        with psycopg.connect(nodes.settings["DATABASE_URL"], autocommit=True) as database:
            database.execute(OLD)
            (folder / "current").unlink()
            now = datetime.now(UTC)
            for minute, left in MOMENTS:
                assert database.execute(left).fetchall()
                believe(now.replace(minute=minute, second=30) - now + timedelta(hours=1))
                eventually(lambda left=left: not database.execute(left).fetchall(), 60)  # type: ignore[misc]  # bound at once
            eventually(lambda: (folder / "current").exists(), 60)
            assert not database.execute(NOW).fetchall()
            believe(NONE)  # back again: nobody waits until the hour that was believed to be comes
            eventually(lambda: database.execute(NOW).fetchall(), 60)
            done = "SELECT count(*), count(DISTINCT (task_name, defer_timestamp)) FROM procrastinate_periodic_defers"
            ((times, moments),) = database.execute(done).fetchall()
        assert times == moments >= 3
        assert [node.process.poll() for node in (a, b)] == [None, None]
