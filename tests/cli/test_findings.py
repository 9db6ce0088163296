"""Findings and lint as a person reads them on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cast import Stage
from tests.tls_servers import Ca

from .conftest import Canned, Program
from .test_certificates import ACME, acme, entry, in_force

FOUND = [
    {
        "code": "rsa-key-small",
        "severity": "error",
        "message": "Its RSA key has 1024 bits\x1b[2J.",
        "advice": "Ask for a larger one.",
        "source": "RFC 0000",
    },
    {
        "code": "wildcard",
        "severity": "notice",
        "message": "It stands for many.",
        "advice": "Know it.",
        "source": "RFC 1",
    },
]
REPORT = {
    "sha256": "ab" * 32,
    "linter": "pkilint 1.2",
    "group": "pkix",
    "rules": "RFC 5280",
    "kind": "",
    "findings": [{"severity": "error", "code": "pkix.odd", "message": "Odd", "where": "certificate"}],
    "left_out": 3,
}


def test_showing_a_certificate_prints_its_findings_worst_first(run: Program, canned: Canned) -> None:
    canned.answer("GET", ACME, acme({**entry("test"), "findings": FOUND}))
    in_force(canned, "test", ("a", "accepted"))
    result = run("cert", "show", "acme")
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    at = lines.index("error    Its RSA key has 1024 bits\N{REPLACEMENT CHARACTER}[2J. [rsa-key-small]")
    assert lines[at + 1 : at + 3] == [
        "         Ask for a larger one. (RFC 0000)",
        "notice   It stands for many. [wildcard]",
    ]


def test_taking_a_weak_certificate_in_says_so_once_and_where(run: Program, canned: Canned) -> None:
    weak = [{**entry(place), "findings": FOUND} for place in ("test", "production")]
    canned.answer(
        "POST", "/api/v1/certificates", acme(*weak, {**entry("old"), "findings": FOUND, "revoked": {"at": "x"}})
    )
    line = ["cert", "add", "acme", "--env", "test,production", "--alias", "acme", "--paste"]
    said = run(*line, stdin="x").stderr
    assert said == "Finding in test, production: Its RSA key has 1024 bits\N{REPLACEMENT CHARACTER}[2J.\n"


def test_a_deploy_that_waits_for_gateways_says_what_is_wrong_with_what_it_brings(
    stage: Stage, unique: Callable[[str], str], tmp_path: Path
) -> None:
    """Where the policy says warn: also certificates that were imported or promoted."""
    name, target = unique("weak"), unique("strict")
    weak = tmp_path / f"{name}.pem"
    weak.write_bytes(Ca.new(name, key="rsa1024").cert_pem)
    other = tmp_path / f"{name} too.pem"
    other.write_bytes(Ca.new(name, key="rsa1024").cert_pem)
    for place in (name, target):
        assert stage.cli("env", "add", place, "--type", "test").returncode == 0
    sentence = f"{name}: Its RSA key has 1024 bits; less than 2048 is too weak."
    done = stage.cli("cert", "import", str(weak), "--env", name, "--deploy")
    assert f"Finding in {name}: {sentence}" in done.stderr
    done = stage.cli("env", "promote", name, target, "--yes")
    assert f"Finding in {target}: {sentence}" in done.stderr
    done = stage.cli("cert", "import", str(other), "--env", f"{name},{target}")
    assert done.stderr == f"Finding in {name}, {target}: {sentence.replace(name, f'{name} too')}\n"
    done = stage.cli("release", "deploy", target)
    assert f"Finding in {target}: {sentence}" in done.stderr
    weak.write_bytes(Ca.new(name, key="rsa1024").cert_pem)
    added = stage.cli("cert", "edit", name, "--env", target, "--file", str(weak), "--deploy")
    assert added.stderr.count(f"Finding in {target}") == 1, added.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("--description", "Other words", "--env", "production", "--alias", "other"), ""),
        (("--env", "test", "--file", "FILE"), "Finding in test: It is weak.\n"),
        (("--env", "new", "--alias", "a", "--file", "FILE"), "Finding in new: It is weak.\n"),
    ],
)
def test_a_change_says_what_is_wrong_with_what_it_changed_alone(
    run: Program, canned: Canned, tmp_path: Path, line: tuple[str, ...], said: str
) -> None:
    weak = [{**FOUND[0], "message": "It is weak."}]
    there = {place: {**entry(place), "findings": weak} for place in ("test", "production")}
    canned.answer("GET", ACME, acme(*there.values()), ETag='"3"')
    changed = {"sha256": "cd" * 32} if "FILE" in line else {"alias": "other"}
    after = there | {
        line[line.index("--env") + 1]: {**entry(line[line.index("--env") + 1]), "findings": weak, **changed}
    }
    canned.answer("PATCH", ACME, acme(*after.values()))
    file = tmp_path / "acme.pem"
    file.write_text("x")
    result = run("cert", "edit", "acme", *(str(file) if word == "FILE" else word for word in line))
    assert (result.exit_code, result.stderr) == (0, said)


def test_revoking_says_nothing_of_other_environments_and_restoring_what_is_trusted_again(
    run: Program, canned: Canned
) -> None:
    weak = [{**FOUND[0], "message": "It is weak."}]
    for verb, said in (("revoke", ""), ("restore", "Finding in test: It is weak.\n")):
        revoked = {"revoked": {"at": "2026-01-01T00:00:00Z"} if verb == "revoke" else None}
        answer = acme({**entry("test"), "findings": weak, **revoked}, {**entry("production"), "findings": weak})
        canned.answer("POST", f"{ACME}/entries/test/{verb}", answer)
        assert run("cert", verb, "acme", "--env", "test", "--reason", "x").stderr == said


def test_looking_at_a_source_prints_its_findings(run: Program, canned: Canned) -> None:
    seen = {"format": "pem", "token": "t", "certificates": [{**entry("test"), "findings": FOUND}], "notices": []}
    canned.answer("POST", "/api/v1/certificates/inspect", seen)
    result = run("cert", "inspect", "https://127.0.0.1:9443")
    assert "[rsa-key-small]" in result.stdout
    assert json.loads(run("cert", "inspect", "https://127.0.0.1:9443", "--json").stdout) == seen


def test_linting_prints_a_line_for_each_finding_and_which_rules(run: Program, canned: Canned) -> None:
    canned.answer("GET", f"{ACME}/entries/test/lint", REPORT)
    result = run("cert", "lint", "acme", "--env", "test")
    assert result.exit_code == 0
    assert "pkix.odd" in result.stdout
    assert "pkilint 1.2, rules: RFC 5280. 1 finding, and 3 more of the same codes." in result.stdout
    canned.answer("GET", f"{ACME}/entries/test/lint", {**REPORT, "findings": [], "left_out": 0})
    assert "It found nothing." in run("cert", "lint", "acme", "--env", "test").stdout


def test_a_linter_that_is_not_there_is_an_error_with_advice(run: Program, canned: Canned) -> None:
    problem = {
        "type": "/problems/lint-not-installed",
        "title": "Not available",
        "detail": "It is not installed. Do it.",
    }
    canned.answer("GET", f"{ACME}/entries/test/lint", problem, status=503)
    result = run("cert", "lint", "acme", "--env", "test")
    assert result.exit_code == 1
    assert "It is not installed. Do it." in result.stderr
