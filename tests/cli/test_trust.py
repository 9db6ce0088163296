"""`trustyard trust check`: what it asks, how it answers, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Canned, Program

TARGET = "/api/v1/environments/test/trust-check"
RULE = {"code": "no-path", "says": "A path leads to an anchor.", "source": "RFC 5280, section 6.1"}
STEP = {
    "certificate_name": "partner.test",
    "sha256": "aa" * 32,
    "subject": "CN=partner.test",
    "issuer": "CN=Sub",
    "not_before": "2026-01-01T00:00:00Z",
    "not_after": "2027-01-01T00:00:00Z",
}
ANSWER: dict[str, Any] = {
    "environment": "test",
    "trust": "all",
    "state": "saved",
    "release": None,
    "anchors": 3,
    "purpose": "server",
    "name": "partner.test",
    "moment": "2026-06-01T00:00:00Z",
    "certificate": STEP,
    "verdict": "refused",
    "message": "The issuer of partner.test is missing.",
    "rule": RULE,
    "differ": False,
    "validators": [{"name": "OpenSSL X509Store", "version": "4", "verdict": "refused", "words": "no issuer"}],
    "remarks": [{**RULE, "message": "The issuer of partner.test is missing.", "certificate": "aa" * 32}],
    "path": [{**STEP, "place": "end entity", "alias": None}],
    "reaches_anchor": False,
    "advice": [{"kind": "ask", "message": "Ask for the CA CN=Sub."}],
}


def test_a_refusal_says_why_and_what_to_add_and_ends_with_1(run: Program, canned: Canned) -> None:
    canned.answer("POST", TARGET, ANSWER)
    result = run("trust", "check", "https://partner.test", "--env", "test")
    assert result.exit_code == 1
    assert canned.last.body == {
        "source": {"kind": "connection", "url": "https://partner.test"},
        "purpose": "server",
        "trust": "all",
        "state": "saved",
    }
    lines = result.stdout.splitlines()
    assert lines[0] == "Refused: The issuer of partner.test is missing."
    assert "no-path (RFC 5280, section 6.1)" in result.stdout
    assert "refused: no issuer" in result.stdout
    assert lines[-2:] == ["To add:", "  Ask for the CA CN=Sub."]


def test_what_is_accepted_ends_with_0_and_names_the_anchor(run: Program, canned: Canned) -> None:
    path = [*ANSWER["path"], {**STEP, "certificate_name": "Root", "place": "anchor", "alias": "acme"}]
    canned.answer("POST", TARGET, {**ANSWER, "verdict": "accepted", "path": path, "reaches_anchor": True, "advice": []})
    result = run("trust", "check", "https://partner.test", "--env", "test")
    assert result.exit_code == 0
    assert "Root (anchor, alias acme, until 2027-01-01)" in result.stdout


def test_every_part_of_the_question_can_be_given(run: Program, canned: Canned, tmp_path: Path) -> None:
    canned.answer("POST", TARGET, ANSWER)
    (tmp_path / "client.pem").write_text("-----BEGIN CERTIFICATE-----")
    line = ["trust", "check", str(tmp_path / "client.pem"), "--env", "test", "--purpose", "client", "--trust", "acme"]
    more = ["--name", "a.test", "--at", "2027-01-01T00:00:00Z", "--state", "in force", "--choose", "AA" * 32]
    run(*line, *more)
    body = canned.last.body
    assert body.pop("source")["filename"] == "client.pem"
    assert body == {
        "purpose": "client",
        "name": "a.test",
        "moment": "2027-01-01T00:00:00Z",
        "trust": "acme",
        "state": "in force",
        "choose": "aa" * 32,
    }
    run("trust", "check", "--inspected", "token", "--env", "test")
    assert canned.last.body["source"] == {"kind": "inspected", "token": "token"}


def test_a_private_key_that_was_dropped_is_told_beside_the_answer(run: Program, canned: Canned) -> None:
    notice = {"code": "private-key-dropped", "message": "It was dropped."}
    canned.answer("POST", TARGET, {**ANSWER, "notices": [notice]})
    result = run("trust", "check", "https://partner.test", "--env", "test")
    assert result.stderr == "Notice: It was dropped.\n"
    problem = {
        "type": "x/choice-needed",
        "status": 422,
        "detail": "Which?",
        "certificates": [STEP],
        "notices": [notice],
    }
    canned.answer("POST", TARGET, problem, status=422)
    asked = run("trust", "check", "https://partner.test", "--env", "test")
    assert asked.stderr.startswith("Notice: It was dropped.\n"), "also where it asks which certificate is meant"


def test_json_is_the_answer_alone_and_the_exit_code_stays(run: Program, canned: Canned) -> None:
    canned.answer("POST", TARGET, ANSWER)
    result = run("trust", "check", "https://partner.test", "--env", "test", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == ANSWER


@pytest.mark.parametrize(
    "line",
    [[], ["https://a.test", "--paste"], ["a.pem", "--file", "b.pem"], ["https://a.test", "--inspected", "x"]],
)
def test_no_source_and_two_sources_are_wrong_usage(run: Program, canned: Canned, line: list[str]) -> None:
    assert run("trust", "check", *line, "--env", "test").exit_code == 2
    assert not canned.asked
