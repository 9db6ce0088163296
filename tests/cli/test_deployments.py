"""Exit code 4: saved, but a gateway refused or did not answer in time. One that no node joined is not waited for."""

from __future__ import annotations

from typing import Any

import pytest

from trustyard.cli.deployments import not_accepted

from .conftest import Canned, Program

NEVER_JOINED = {"node": "", "state": "pending", "detail": "No node of this gateway has joined yet."}


def deployment(**gateway: Any) -> dict[str, Any]:
    row = {"gateway": "edge", "node": "node-1", "state": "accepted", "detail": "", "milliseconds": 6, **gateway}
    one = {"environment": "test", "release": 7, "state": row["state"], "left_out": [], "gateways": [row]}
    return {"environments": [one]}


@pytest.mark.parametrize(
    ("gateway", "all_well"),
    [
        ({"state": "accepted"}, True),
        ({"state": "observed"}, True),
        ({"state": "superseded"}, True),
        ({"state": "refused", "detail": "bad anchor"}, False),
        ({"state": "unreachable"}, False),
        ({"state": "sent"}, False),
        ({"state": "pending"}, False),
        (NEVER_JOINED, True),
        ({"node": "", "state": "pending"}, False),  # pushed to, and no answer in time
    ],
)
def test_what_is_not_accepted_is_named(gateway: dict[str, Any], all_well: bool) -> None:
    """D-06."""
    lines = not_accepted(deployment(**gateway))
    assert bool(lines) != all_well
    assert all("edge" in line and "test" in line and gateway["state"] in line for line in lines)


@pytest.mark.parametrize("as_json", [True, False])
def test_a_refusal_ends_with_4_in_the_gateways_own_words(run: Program, canned: Canned, as_json: bool) -> None:
    said = {"number": 7, "digest": "ab" * 32, "deployment": deployment(state="refused", detail="no such anchor")}
    canned.answer("POST", "/api/v1/environments/test/releases", said, status=201)
    result = run("release", "deploy", "test", "--note", "because", "--wait", "2.5", *(["--json"] if as_json else []))
    assert result.exit_code == 4
    assert result.stderr == "Not in force everywhere: edge (node-1) in test is refused: no such anchor\n"
    assert canned.last.target == "/api/v1/environments/test/releases?wait=2.5"
    assert canned.last.body == {"note": "because"}


def test_why_a_listener_is_an_alarm_is_said_where_it_was_deployed_and_by_the_release(
    run: Program, canned: Canned
) -> None:
    seen = "A connection without a certificate got through."
    made = deployment(state="open", detail="Runs used.", proof=seen)
    release = {"number": 7, "digest": "ab" * 32, "created_at": "2026-03-03T14:00:00Z", "made_by": "ada"}
    canned.answer("POST", "/api/v1/environments/test/releases", {**release, "deployment": made}, status=201)
    said = run("release", "deploy", "test").stderr
    assert said == f"Not in force everywhere: edge (node-1) in test is open: Runs used. · {seen}\n"
    canned.answer("GET", "/api/v1/environments/test/releases/7", {**release, **made["environments"][0]})
    assert f"open   Runs used. · {seen} · 6 ms" in run("release", "show", "test", "7").stdout


def test_an_environment_without_a_gateway_waits_for_one_in_the_consoles_words(run: Program, canned: Canned) -> None:
    said = {"number": 7, "digest": "ab" * 32, "deployment": deployment(state="pending")}
    said["deployment"]["environments"][0]["gateways"] = []
    canned.answer("POST", "/api/v1/environments/test/releases", said, status=201)
    result = run("release", "deploy", "test")
    assert result.stdout.splitlines()[-1].split(maxsplit=5) == [
        *("test", "7", "none", "yet", "-"),
        "pending  This environment has no gateway; the release waits for one.",
    ]


def test_a_release_that_was_replaced_at_once_waits_for_no_gateway(run: Program, canned: Canned) -> None:
    said = {"number": 7, "digest": "ab" * 32, "deployment": deployment(state="superseded")}
    said["deployment"]["environments"][0].update(state="superseded", gateways=[])
    canned.answer("POST", "/api/v1/environments/test/releases", said, status=201)
    row = run("release", "deploy", "test").stdout.splitlines()[-1]
    sentence = "A newer release took its place before any gateway of now was made."
    assert row.split(maxsplit=5) == ["test", "7", "none", "-", "superseded", sentence]


def test_what_was_left_out_is_said_with_its_reason(run: Program, canned: Canned) -> None:
    """D-19."""
    said = {"number": 7, "digest": "ab" * 32, "deployment": deployment()}
    said["deployment"]["environments"][0]["left_out"] = [
        {"certificate": "partner-old", "alias": "old", "reason": "Expired on 2020-01-01T00:00:00Z."}
    ]
    canned.answer("POST", "/api/v1/environments/test/releases", said, status=200)
    result = run("release", "deploy", "test")
    assert result.exit_code == 0
    assert "Nothing changed: the newest is release 7 of test" in result.stdout
    assert "Left out of release 7 of test: partner-old (alias old): Expired on 2020-01-01T00:00:00Z." in result.stdout


def test_what_came_along_with_a_change_is_named(run: Program, canned: Canned) -> None:
    said = {"name": "partner", "entries": [], "deployment": deployment()}
    said["deployment"]["environments"][0]["besides"] = {"count": 3, "names": ["waits", "a-key"]}
    canned.answer("POST", "/api/v1/certificates/partner/entries/test/revoke", said)
    result = run("cert", "revoke", "partner", "--env", "test", "--reason", "lost")
    also = "Release 7 of test also brings what was saved before and not deployed: waits, a-key and 1 more"
    assert result.stdout.splitlines()[-1] == also
