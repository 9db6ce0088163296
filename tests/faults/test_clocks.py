"""Trustyard's clock is wrong by 400 days. Gateways judge by their own, so a wrong clock here opens no door there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.authority import Authority
from tests.faults.clocks import LONG, NONE, clock_off
from tests.faults.story import add, deploy, releases, said
from tests.live.envoy import REFUSED, eventually, request
from tests.live.haproxy import HAProxy
from tests.server.serving import Serving

FIRST, SECOND = Authority("First CA"), Authority("Second CA")


def test_a_clock_that_runs_ahead_takes_no_trust_away_by_itself_and_says_why_a_release_leaves_it_out(
    tmp_path: Path,
) -> None:
    client = FIRST.issue("client").written(tmp_path)
    with HAProxy(tmp_path) as haproxy:
        with Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path)) as serving:
            add(serving, "haproxy", haproxy.options)
            deploy(serving, "first", FIRST)
        with clock_off(LONG, tmp_path), Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path)) as serving:
            eventually(lambda: said(serving)["detail"] == "release 1 is in force")
            assert request(haproxy.port, client) == 200
            assert deploy(serving, "second", SECOND)["state"] == "accepted"
            reasons = {row["alias"]: row["reason"] for row in releases(serving)[0]["left_out"]}
            assert set(reasons) == {"first", "second"}
            assert all(reason.startswith("Expired on ") for reason in reasons.values())
            assert request(haproxy.port, client) == REFUSED, "what is left out is left out everywhere"
        with Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path)) as serving:
            with serving.client() as rest:
                rest.post("/api/v1/environments/test/releases", json={}).raise_for_status()
            # Numbers decide which release is the newest; by the dates it would be the one of next year.
            assert [one["number"] for one in releases(serving)] == [3, 2, 1]
            assert releases(serving)[0]["left_out"] == []
            eventually(lambda: said(serving)["state"] == "accepted")
            assert request(haproxy.port, client) == 200


def test_a_clock_that_is_behind_sends_what_has_expired_and_the_gateway_still_lets_nobody_in(tmp_path: Path) -> None:
    expired = Authority("Expired CA", moment=datetime.now(UTC) - LONG)
    client = expired.issue("client").written(tmp_path)
    with (
        HAProxy(tmp_path) as haproxy,
        clock_off(-LONG, tmp_path),
        Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path)) as serving,
    ):
        add(serving, "haproxy", haproxy.options)
        assert deploy(serving, "expired", expired)["state"] == "accepted"
        assert releases(serving)[0]["left_out"] == []
        assert request(haproxy.port, client) == REFUSED
        deploy(serving, "first", FIRST)
        (left_out,) = releases(serving)[0]["left_out"]
        assert left_out["reason"].startswith("Not valid before ")


def test_a_clock_that_is_set_right_while_it_runs_stops_no_delivery(tmp_path: Path) -> None:
    """400 days back, as when the time service comes up late: whoever waits for a time of day waits until then."""
    haproxy = HAProxy(tmp_path)
    with clock_off(LONG, tmp_path) as believe, Serving(tmp_path / "data", FILES_ROOTS=str(tmp_path)) as serving:
        add(serving, "haproxy", haproxy.options)
        assert deploy(serving, "first", FIRST)["state"] == "unreachable"
        believe(NONE)
        haproxy.start()
        try:
            eventually(lambda: said(serving)["state"] == "accepted")
        finally:
            haproxy.stop()
