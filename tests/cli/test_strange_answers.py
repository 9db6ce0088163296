"""Answers that are JSON and not Trustyard's, and output that cannot be written: a sentence, and no traceback."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from trustyard.cli import certificate_screen

from .conftest import Canned, Program
from .test_rest import ENVIRONMENT

SHAPES = [b'{"foo":1}', b"[1,2]", b"null", b'{"items":[{}],"next":null,"total":1}']
LINES = [
    "audit list",
    "cert add acme --env test --alias a --url https://127.0.0.1:9",
    "cert chain acme --env test",
    "cert compare acme --env test",
    "cert delete acme --yes",
    "cert delete acme --jwks delete --confirm acme",
    "cert edit acme --description x",
    "cert edit acme --remove-env test",
    "cert import {pem} --env test",
    "cert inspect https://127.0.0.1:9",
    "cert lint acme --env test",
    "cert list",
    "cert restore acme --env test",
    "cert revoke acme --env test --reason x",
    "cert show acme",
    "env add x",
    "env edit test --description x",
    "env list",
    "env promote test production --preview",
    "env promote test production",
    "env show test",
    "gateway add test edge --kind envoy",
    "gateway edit test edge --option x=1",
    "gateway list test",
    "gateway show test edge",
    "jwk add sign --certificate acme --env test",
    "jwk delete sign --yes",
    "jwk edit sign --state disabled",
    "jwk list",
    "jwk show sign",
    "release deploy test",
    "release diff test 1",
    "release list test",
    "release preview test",
    "release restore test 1",
    "release restore test 1 --preview",
    "release show test 1",
    "trust check https://127.0.0.1:9 --env test",
    "truststore list test",
]
DOWNLOADS = ["cert export acme", "truststore export test", "release download test 1"]


@pytest.mark.parametrize("line", LINES)
def test_json_of_somebody_else_is_a_sentence_and_no_traceback(
    run: Program, canned: Canned, tmp_path: Path, line: str
) -> None:
    (tmp_path / "a.pem").write_text("-----BEGIN CERTIFICATE-----")
    for said in SHAPES:
        canned.always = said
        result = run(*shlex.split(line.format(pem=tmp_path / "a.pem")))
        assert isinstance(result.exception, SystemExit), (said, result.exception)
        assert result.exit_code == 1, (said, result.output)
        assert "Is the server of another version" in result.stderr or "instead of JSON" in result.stderr, said


def test_what_was_stumbled_over_is_named_in_case_the_mistake_is_ours(
    run: Program, canned: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    canned.always = b'{"name":"acme","description":"","version":1,"entries":[{}]}'
    result = run("cert", "show", "acme")
    assert "Is the server of another version than this program" in result.stderr
    assert "KeyError: 'environment' (certificate_screen.py, line " in result.stderr

    def wrong(*_: object, **__: object) -> None:
        raise TypeError("a mistake of ours")

    monkeypatch.setattr(certificate_screen, "certificate", wrong)
    assert "TypeError: a mistake of ours (test_strange_answers.py, line " in run("cert", "show", "acme").stderr


@pytest.mark.parametrize("said", [b"[1,2]", b"null", b'"text"'])
def test_json_that_is_no_object_is_not_passed_on_as_an_answer(run: Program, canned: Canned, said: bytes) -> None:
    canned.always = said
    result = run("cert", "show", "acme", "--json")
    assert (result.exit_code, result.stdout) == (1, "")


def test_a_refusal_that_is_not_written_as_ours_are_says_what_it_has(run: Program, canned: Canned) -> None:
    canned.answer("GET", "/api/v1/certificates/acme", {"detail": 5, "errors": "x"}, status=422)
    assert run("cert", "show", "acme").stderr == "Error: The server answered 422.\n"
    canned.answer("GET", "/api/v1/certificates/acme", {"detail": ["x"], "title": "Refused"}, status=422)
    assert run("cert", "show", "acme").stderr == "Error: Refused\n"


@pytest.mark.parametrize("kind", ["restored", "jwk-connection"])
def test_a_question_that_is_not_written_as_ours_are_is_a_sentence_too(run: Program, canned: Canned, kind: str) -> None:
    canned.answer("GET", "/api/v1/certificates/acme", {"name": "acme", "entries": []}, ETag='"1-1"')
    asked = {"type": f"/problems/{kind}", "detail": "What now?", "restored": [{}], "jwks": [5]}
    canned.answer("PATCH", "/api/v1/certificates/acme", asked, status=409)
    result = run("cert", "edit", "acme", "--description", "x")
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 1
    assert "Is the server of another version" in result.stderr


@pytest.mark.parametrize("kind", ["application/json", "application/problem+json; charset=utf-8", "text/html"])
@pytest.mark.parametrize("line", DOWNLOADS)
def test_what_is_no_download_is_not_written_to_a_file(
    run: Program, canned: Canned, tmp_path: Path, line: str, kind: str
) -> None:
    for target in ("certificates/acme/export", "environments/test/truststore/export"):
        canned.answer("GET", f"/api/v1/{target}", b'{"foo":1}', Content_Type=kind)
    canned.answer("GET", "/api/v1/environments/test/releases/1/download", b'{"foo":1}', Content_Type=kind)
    result = run(*line.split(), "-o", str(tmp_path / "x.zip"))
    assert result.exit_code == 1
    assert "instead of a file" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "line", ["cert list", "cert list --json", "env list", "cert export acme -o -", "gateway bootstrap test e"]
)
def test_output_that_cannot_be_written_is_a_sentence_and_exit_code_1(
    canned: Canned, line: str, unbuffered: str
) -> None:
    canned.answer("GET", "/api/v1/environments", {"items": [ENVIRONMENT], "next": None, "total": 1})
    canned.answer("GET", "/api/v1/certificates", {"items": [], "next": None, "total": 0})
    canned.answer("GET", "/api/v1/certificates/acme/export", b"PK" * 100_000)
    canned.answer("GET", "/api/v1/environments/test/gateways/e/bootstrap", b"node: {}\n")
    command = [sys.executable, "-c", "from trustyard.cli import main; main()", *line.split()]
    environment = {**os.environ, "TRUSTYARD_URL": canned.url, "TRUSTYARD_TOKEN": "secret-token"}
    environment["PYTHONUNBUFFERED"] = unbuffered
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr == "Error: Standard output cannot be written: No space left on device.\n"
    assert done.returncode == 1
