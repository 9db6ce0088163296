"""`trustyard cert`: what each command asks of REST, and what it makes of the answer."""

from __future__ import annotations

import base64
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from .conftest import Canned, Program

ACME = "/api/v1/certificates/acme"
WAITS = "The change is in force with the next release"


def entry(environment: str, *jwks: str) -> dict[str, Any]:
    return {
        "environment": environment,
        "alias": "acme",
        "source": {"kind": "connection", "url": "https://127.0.0.1:9443"},
        "status": "valid",
        "revoked": None,
        "connected_jwks": list(jwks),
        "in_force": True,
        "certificate_name": "acme.example",
        "subject": "CN=acme.example",
        "issuer": "CN=Some CA",
        "serial_hex": "2a",
        "not_before": "2026-01-01T00:00:00Z",
        "not_after": "2027-01-01T00:00:00Z",
        "sha256": "ab" * 32,
        "content": "Version: 3\nSubject: CN=acme.example",
    }


def acme(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "acme", "description": "", "version": 3, "entries": list(entries), **more}


def release(*gateways: tuple[str, str]) -> dict[str, Any]:
    """Release 7, of which these nodes of `edge` said this."""
    said = [{"gateway": "edge", "node": node, "state": state, "detail": ""} for node, state in gateways]
    return {"number": 7, "gateways": said}


def in_force(canned: Canned, environment: str, *gateways: tuple[str, str]) -> None:
    """What `cert show` asks for besides: the newest release of an environment."""
    newest = {"items": [release(*gateways)], "next": None, "total": 1}
    canned.answer("GET", f"/api/v1/environments/{environment}/releases", newest)


ASKED = {
    "type": "http://127.0.0.1/problems/jwk-connection",
    "title": "JWK Connection",
    "detail": "This Certificate is used in 2 JWK(s). What would you like to do?",
    "options": ["update", "disconnect"],
    "version": "v",
    "jwks": [
        {"name": "sign", "environment": "test", "kid": "k1", "alg": "RS256", "becomes": {"kid": "k2", "alg": "ES256"}},
        {
            "name": "seal",
            "environment": "test",
            "kid": "k3",
            "alg": "RSA-OAEP",
            "becomes": None,
            "problem": "The new key does not fit.",
        },
    ],
}


@pytest.fixture
def stored(canned: Canned) -> Canned:
    """The certificate acme in test and production, with a JWK made from the entry in test."""
    before = acme(entry("test", "sign"), entry("production"))
    canned.answer("GET", ACME, before, ETag='"1-3"')
    for method in ("PUT", "PATCH", "DELETE"):
        canned.answer(method, ACME, before)
    for name in ("test", "production"):
        in_force(canned, name, ("a", "accepted"))
    return canned


def test_adding_from_a_connection_asks_for_one_entry_in_all_environments(run: Program, canned: Canned) -> None:
    """D-01."""
    canned.answer("POST", "/api/v1/certificates", acme(entry("test"), entry("production")), status=201)
    result = run(
        *shlex.split("cert add acme --env test,production --alias acme --url https://127.0.0.1:9443 --description x")
    )
    assert result.exit_code == 0, result.output
    assert canned.last.body == {
        "name": "acme",
        "description": "x",
        "entries": [
            {
                "environments": ["test", "production"],
                "alias": "acme",
                "source": {"kind": "connection", "url": "https://127.0.0.1:9443"},
            }
        ],
        "deploy": False,
    }
    assert "Added acme" in result.stdout
    assert "in force with the next release" in result.stdout


def test_what_a_save_has_to_say_of_the_source_stands_on_standard_error(run: Program, canned: Canned) -> None:
    """D-07."""
    told = [{"code": "private-key-dropped", "message": "The input also held a private key."}]
    canned.answer("POST", "/api/v1/certificates", acme(entry("test"), notices=told), status=201)
    result = run("cert", "add", "acme", "--env", "test", "--alias", "acme", "--url", "https://127.0.0.1:9443")
    assert result.exit_code == 0
    assert "Notice: The input also held a private key." in result.stderr


def test_a_file_goes_with_its_name_and_password(run: Program, canned: Canned, tmp_path: Path) -> None:
    """S-11."""
    canned.answer("POST", "/api/v1/certificates", acme(entry("test")), status=201)
    (tmp_path / "bank.p12").write_bytes(b"\x30\x82\xff")
    (tmp_path / "password").write_text("open sesame\nsecond line\n")
    arguments = [
        "cert",
        "add",
        "acme",
        "--env",
        "test",
        "--alias",
        "a",
        "--file",
        str(tmp_path / "bank.p12"),
        "--deploy",
    ]
    for password in (["--password", "open sesame"], ["--password-file", str(tmp_path / "password")]):
        assert run(*arguments, *password, "--wait", "0").exit_code == 0
        assert canned.last.body["deploy"] is True
        assert canned.last.body["entries"][0]["source"] == {
            "kind": "file",
            "filename": "bank.p12",
            "content_base64": base64.b64encode(b"\x30\x82\xff").decode(),
            "password": "open sesame",
        }
    assert canned.last.target == "/api/v1/certificates?wait=0"


@pytest.mark.parametrize(
    ("text", "options", "encoding"),
    [
        ("-----BEGIN CERTIFICATE-----\nMIIB", [], "BASE64PEM"),
        ("MIIB", [], "BASE64"),
        ("MIIB", ["--encoding", "BASE64PEM"], "BASE64PEM"),
        ("-----BEGIN CERTIFICATE-----\nMIIB", ["--encoding", "base64"], "BASE64"),
    ],
)
def test_a_paste_is_sent_as_what_was_said_else_as_what_it_looks_like(
    run: Program, canned: Canned, text: str, options: list[str], encoding: str
) -> None:
    """S-12, S-13."""
    run("cert", "inspect", "--paste", *options, stdin=text)
    assert canned.last.body == {"kind": "paste", "encoding": encoding, "content": text}


def test_a_binary_paste_is_refused_with_the_way_to_give_it(run: Program, canned: Canned) -> None:
    result = run("cert", "inspect", "--paste", stdin=b"\x30\x82\xff\xfe")
    assert result.exit_code == 1
    assert "Standard input holds no text." in result.stderr
    assert not canned.asked
    run("cert", "inspect", "--file", "-", stdin=b"\x30\x82\xff\xfe")
    assert base64.b64decode(canned.last.body["content_base64"]) == b"\x30\x82\xff\xfe"


def test_a_file_that_no_server_takes_is_not_even_sent(run: Program, canned: Canned, tmp_path: Path) -> None:
    (tmp_path / "big.pem").write_bytes(b"x" * (10 * 1024 * 1024 + 1))
    result = run("cert", "inspect", str(tmp_path / "big.pem"))
    assert result.exit_code == 1
    assert "more than 10 MB" in result.stderr
    assert not canned.asked


def test_what_was_inspected_is_what_is_added(run: Program, canned: Canned) -> None:
    run("cert", "add", "acme", "--env", "test", "--alias", "a", "--inspected", "token", "--choose", "AB:" * 31 + "AB")
    assert canned.last.body["entries"][0]["source"] == {"kind": "inspected", "token": "token"}
    assert canned.last.body["entries"][0]["choose"] == "ab" * 32


def test_several_certificates_and_no_choice_lists_them(run: Program, canned: Canned) -> None:
    """D-08."""
    found = [{"sha256": "aa" * 32, "certificate_name": "leaf", "is_ca": False}]
    found += [{"sha256": "bb" * 32, "certificate_name": "root", "is_ca": True}]
    problem = {"type": "x/choice-needed", "detail": "The source holds 2 certificates.", "certificates": found}
    canned.answer("POST", "/api/v1/certificates", problem, status=422)
    result = run("cert", "add", "acme", "--env", "test", "--alias", "a", "--url", "https://127.0.0.1")
    assert result.exit_code == 1
    assert f"  {'aa' * 32}  leaf\n  {'bb' * 32}  root (CA)\n" in result.stderr
    assert "--choose" in result.stderr


def test_an_edit_sends_only_what_is_given(run: Program, stored: Canned) -> None:
    """S-19."""
    result = run("cert", "edit", "acme", "--name", "acme 2", "--description", "")
    assert result.exit_code == 0, result.output
    assert stored.last.method == "PATCH"
    assert stored.last.headers["If-Match"] == '"1-3"'
    assert stored.last.body == {"name": "acme 2", "description": "", "deploy": False}


def test_an_edit_brings_the_answer_about_jwks(run: Program, stored: Canned, tmp_path: Path) -> None:
    """S-25, D-04."""
    (tmp_path / "new.pem").write_text("x")
    line = f"cert edit acme --env test --file {tmp_path}/new.pem --jwks update --confirm acme --algorithm a=b=ES256"
    assert run(*shlex.split(line), "--deploy").exit_code == 0
    assert stored.last.body["jwk_connection"] == {
        "action": "update",
        "confirm": "acme",
        "algorithms": {"a=b": "ES256"},
    }
    assert stored.last.body["deploy"] is True


def test_an_entry_is_removed_by_naming_all_others(run: Program, stored: Canned) -> None:
    """I-04, D-27."""
    line = "cert edit acme --remove-env TEST --env production --alias new --confirm acme"
    result = run(*shlex.split(line), "--jwks", "test=delete", "--jwks", "production=update")
    assert result.exit_code == 0, result.output
    assert stored.last.method == "PUT"
    assert stored.last.body == {
        "name": "acme",
        "description": "",
        "entries": [{"environments": ["production"], "alias": "new"}],
        "deploy": False,
        "jwk_connection": {"actions": {"test": "delete", "production": "update"}, "confirm": "acme"},
    }
    run("cert", "edit", "acme", "--remove-env", "test")
    assert stored.last.body["entries"] == [{"environment": "production"}]


def test_an_entry_that_is_not_there_cannot_be_removed(run: Program, stored: Canned) -> None:
    result = run("cert", "edit", "acme", "--remove-env", "stage")
    assert result.exit_code == 1
    assert "acme has no entry in stage." in result.stderr
    assert [asked.method for asked in stored.asked] == ["GET"]


@pytest.mark.parametrize("as_json", [True, False])
def test_related_jwks_without_an_answer_end_with_3_and_the_list(run: Program, stored: Canned, as_json: bool) -> None:
    """D-14, S-24."""
    stored.answer("PATCH", ACME, ASKED, status=409)
    result = run(
        "cert", "edit", "acme", "--env", "test", "--url", "https://127.0.0.1", *(["--json"] if as_json else [])
    )
    assert result.exit_code == 3
    assert not result.stdout
    said = " ".join(result.stderr.split())
    for words in (
        "JWK Connection: This Certificate is used in 2 JWK(s). What would you like to do?",
        "sign test k1 RS256 k2 (ES256)",
        "seal test k3 RSA-OAEP -; The new key does not fit.",
        "--jwks update --confirm acme",
        "--jwks disconnect --confirm acme",
        "--algorithm JWK=ALG",
    ):
        assert words in said


def test_only_answers_that_the_server_takes_are_offered(run: Program, stored: Canned) -> None:
    """D-04: one that does not fit cannot be updated, nor those beside it; D-27: environments may differ."""
    fits, misfit, gone = (
        {"name": name, "environment": place, "kid": name, "alg": "RS256", "becomes": None, "options": options}
        for name, place, options in (
            ("fits", "test", ["update", "disconnect"]),
            ("misfit", "test", ["disconnect"]),
            ("gone", "production", ["delete", "disconnect"]),
        )
    )

    def offered(*jwks: dict[str, Any]) -> list[str]:
        options = list(dict.fromkeys(option for jwk in jwks for option in jwk["options"]))
        stored.answer("PATCH", ACME, {**ASKED, "options": options, "jwks": list(jwks)}, status=409)
        said = run("cert", "edit", "acme", "--env", "test", "--url", "https://127.0.0.1").stderr
        return [line.strip().removesuffix(" --confirm acme") for line in said.splitlines() if "--confirm" in line]

    assert offered(fits) == ["--jwks update", "--jwks disconnect"]
    assert offered(fits, misfit) == ["--jwks disconnect"]
    each = "--jwks 'test=update|disconnect' --jwks 'production=delete|disconnect'"
    assert offered(fits, gone) == ["--jwks disconnect", each]


def test_the_line_that_answers_can_be_copied_for_any_name(run: Program, canned: Canned) -> None:
    name = "it's $(acme)"
    target = "/api/v1/certificates/it%27s%20%24%28acme%29"
    canned.answer("GET", target, {**acme(entry("test", "sign")), "name": name}, ETag='"1-3"')
    canned.answer("DELETE", target, {**ASKED, "options": ["delete", "disconnect"]}, status=409)
    result = run("cert", "delete", name)
    assert result.exit_code == 3
    line = next(line for line in result.stderr.splitlines() if "--jwks delete" in line)
    assert shlex.split(line) == ["--jwks", "delete", "--confirm", name]


def test_another_conflict_is_an_error_and_no_question(run: Program, stored: Canned) -> None:
    stored.answer("PATCH", ACME, {"type": "x/conflict", "detail": "The name is taken."}, status=409)
    assert run("cert", "edit", "acme", "--name", "x").exit_code == 1


def test_a_deletion_is_confirmed_by_the_exact_name(run: Program, stored: Canned) -> None:
    """S-34."""
    for wrong in (["--confirm", "Acme"], ["--confirm", ""], []):
        result = run("cert", "delete", "acme", "--jwks", "disconnect", *wrong)
        assert result.exit_code == 1
        assert "nothing was deleted" in result.stderr
    assert {asked.method for asked in stored.asked} == {"GET"}
    assert run("cert", "delete", "acme", "--jwks", "disconnect", "--confirm", "acme").exit_code == 0
    assert stored.last.headers["If-Match"] == '"1-3"'
    assert stored.last.target == ACME + "?jwk_connection=disconnect&confirm=acme&deploy=true"


def test_a_deletion_without_jwks_asks_and_refuses_where_nobody_answers(run: Program, stored: Canned) -> None:
    """S-35."""
    stored.answer("GET", ACME, acme(entry("test")), ETag='"1-3"')
    result = run("cert", "delete", "acme")
    assert result.exit_code == 1
    assert "--yes" in result.stderr
    assert {asked.method for asked in stored.asked} == {"GET"}
    assert run("cert", "delete", "acme", "--yes", "--no-deploy", "--wait", "3").exit_code == 0
    assert stored.last.target == ACME + "?deploy=false&wait=3"


def test_yes_does_not_answer_for_related_jwks(run: Program, stored: Canned) -> None:
    """D-14."""
    stored.answer("DELETE", ACME, {**ASKED, "options": ["delete", "disconnect"]}, status=409)
    assert run("cert", "delete", "acme", "--yes").exit_code == 3
    assert stored.last.target == ACME + "?deploy=true"


def test_what_acted_on_jwks_prints_which(run: Program, stored: Canned) -> None:
    changed = [{"name": "sign", "environment": "test", "change": "disconnected", "kid": "k1"}]
    stored.answer("DELETE", ACME, {"jwks": changed, "deployment": {"environments": []}})
    result = run("cert", "delete", "acme", "--jwks", "disconnect", "--confirm", "acme")
    assert result.exit_code == 0
    assert "JWK sign in test: disconnected, its key stays as it was (key id k1)" in result.stdout


@pytest.mark.parametrize("verb", ["revoke", "restore"])
def test_a_revocation_and_its_end_deploy_unless_told_otherwise(run: Program, canned: Canned, verb: str) -> None:
    """D-13, D-26."""
    target = f"{ACME}/entries/pre%2Fprod/{verb}"
    canned.answer("POST", target, acme(entry("pre/prod")))
    line = ["cert", verb, "acme", "--env", "pre/prod", "--reason", "lost key"]
    assert run(*line).exit_code == 0
    assert canned.last.target == target
    assert canned.last.body == {"reason": "lost key", "deploy": True}
    run(*line, "--no-deploy")
    assert canned.last.body["deploy"] is False


def test_filters_of_the_list_reach_the_server(run: Program, canned: Canned) -> None:
    canned.answer("GET", "/api/v1/certificates", {"items": [], "next": None, "total": 0})
    line = "cert list -q acme --env test --status 'not yet valid' --expires-within 0 --connected-jwks --sort -name"
    assert "No certificates match." in run(*shlex.split(line), "--limit", "9").stdout
    assert canned.last.target.endswith(
        "?q=acme&environment=test&status=not+yet+valid&expires_within=0&connected_jwks=true&sort=-name&limit=9"
    )
    assert "trustyard cert add" in run("cert", "list").stdout


def test_the_list_shows_the_first_date_that_ends_and_the_worst_status(run: Program, canned: Canned) -> None:
    worst = {**entry("production"), "status": "expired", "not_after": "2020-01-01T00:00:00Z"}
    canned.answer("GET", "/api/v1/certificates", {"items": [acme(entry("test"), worst)], "next": None, "total": 1})
    row = run("cert", "list").stdout.splitlines()[1]
    assert "test, production" in row
    assert "2020-01-01" in row
    assert "expired" in row


def test_show_prints_each_entry_and_on_demand_its_content(run: Program, stored: Canned) -> None:
    """S-04, S-15."""
    short = run("cert", "show", "acme").stdout
    assert all(words in short for words in ("acme.example", "https://127.0.0.1:9443", "ab" * 32, "sign"))
    assert "Version: 3\nSubject" not in short
    assert run("cert", "show", "acme", "--content").stdout.count("Version: 3\nSubject: CN=acme.example") == 2


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([("a", "accepted"), ("", "pending")], "in force"),
        ([("a", "refused"), ("b", "unreachable"), ("", "pending")], "in force, accepted by no gateway"),
        ([("a", "refused"), ("b", "sent")], "in force, not accepted everywhere"),
    ],
)
def test_what_gateways_refused_is_not_called_simply_in_force(
    run: Program, stored: Canned, said: list[tuple[str, str]], words: str
) -> None:
    """D-21, D-06: in the words of the console; where nothing is in force no release is asked for."""
    in_force(stored, "test", *said)
    stored.answer("GET", ACME, acme(entry("test"), {**entry("production"), "in_force": False}))
    result = run("cert", "show", "acme")
    assert re.findall("Status: +(.+)", result.stdout) == [f"valid, {words}", "valid, not in force"]
    assert [one.target.partition("?")[0] for one in stored.asked[1:]] == ["/api/v1/environments/test/releases"]


def test_a_write_whose_release_was_refused_does_not_say_yes_alone(run: Program, canned: Canned) -> None:
    places = [{"environment": name, "state": "refused", **release(("a", state))} for name, state in
              (("test", "refused"), ("production", "accepted"))]  # fmt: skip
    told = {"environments": [{**one, "release": 7, "left_out": []} for one in places]}
    canned.answer("POST", "/api/v1/certificates", acme(entry("test"), entry("production"), deployment=told), status=201)
    result = run("cert", "add", "acme", "--env=test,production", "--alias=acme", "--url=https://127.0.0.1", "--deploy")
    assert result.exit_code == 4
    rows = result.stdout.splitlines()[2:4]
    assert rows[0].endswith("yes, accepted by no gateway")
    assert rows[1].endswith("  yes")


def test_what_releases_leave_out_is_not_said_to_come_with_the_next_one(run: Program, stored: Canned) -> None:
    left_out = {**entry("test"), "in_force": False, "left_out": "Expired on 2026-01-01T00:00:00Z."}
    said = "left out: Expired on 2026-01-01T00:00:00Z."
    stored.answer("GET", ACME, acme(left_out))
    assert f"valid, not in force, {said}" in run("cert", "show", "acme").stdout
    add = ("cert", "add", "acme", "--env=test", "--alias=acme", "--url=https://127.0.0.1")
    for entries, comes in ((acme(left_out), False), (acme(left_out, {**entry("production"), "in_force": False}), True)):
        stored.answer("POST", "/api/v1/certificates", entries, status=201)
        shown = run(*add).stdout
        assert f"  no, {said}" in shown
        assert (WAITS in shown) == comes


def test_only_what_changes_a_release_is_said_to_wait_for_one(run: Program, stored: Canned) -> None:
    """Gateways trust what was revoked without a deploy until there is a release; a description is in none."""
    stored.answer("POST", f"{ACME}/entries/test/revoke", acme({**entry("test"), "left_out": "Revoked in Trustyard."}))
    revoke = ("cert", "revoke", "acme", "--env", "test", "--reason", "lost key")
    assert WAITS in run(*revoke, "--no-deploy").stdout
    assert WAITS not in run(*revoke).stdout
    for option, value, waits in (("--description", "x", False), ("--name", "other", True)):
        assert (WAITS in run("cert", "edit", "acme", option, value).stdout) == waits


def test_the_list_says_where_a_certificate_is_not_in_force(run: Program, canned: Canned) -> None:
    one = acme(entry("test"), {**entry("production"), "in_force": False})
    canned.answer("GET", "/api/v1/certificates", {"items": [one], "next": None, "total": 1})
    assert "test, production (not in force)" in run("cert", "list").stdout


def test_json_is_the_servers_answer_alone_on_standard_output(run: Program, stored: Canned) -> None:
    result = run("cert", "show", "acme", "--json")
    assert json.loads(result.stdout) == acme(entry("test", "sign"), entry("production"))
    assert not result.stderr


def test_inspect_shows_content_and_notices(run: Program, canned: Canned) -> None:
    """S-15, D-07."""
    seen = {
        "format": "pem-bundle",
        "token": "t",
        "certificates": [entry("test"), entry("test")],
        "notices": [{"code": "private-key", "message": "A private key was dropped."}],
    }
    canned.answer("POST", "/api/v1/certificates/inspect", seen)
    result = run("cert", "inspect", "ldaps://127.0.0.1")
    assert canned.last.body == {"kind": "connection", "url": "ldaps://127.0.0.1"}
    assert "Certificate 2 of 2" in result.stdout
    assert re.search(r"Valid: +2026-01-01 to \d{4}-\d\d-\d\d \(", result.stdout), "both ends in one form"
    assert "Notice: A private key was dropped." in result.stderr


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="acme.zip"', "acme.zip"),
        ("attachment; filename*=UTF-8''%C5%9Eirket.zip", "Şirket.zip"),
        ('attachment; filename="../../etc/.profile"', "profile"),
        ('attachment; filename="..\\\\..\\\\evil.zip"', "evil.zip"),
        ("", "certificate.zip"),
    ],
)
def test_an_export_is_written_here_under_the_servers_name(
    run: Program, canned: Canned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disposition: str, name: str
) -> None:
    """S-39, I-13."""
    monkeypatch.chdir(tmp_path)
    canned.answer("GET", ACME + "/export", b"PK\x03\x04", Content_Disposition=disposition)
    result = run("cert", "export", "acme")
    assert result.exit_code == 0, result.output
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"PK\x03\x04"
    again = run("cert", "export", "acme")
    assert again.exit_code == 1
    assert "exists already" in again.stderr


def test_an_export_goes_where_it_is_told(run: Program, canned: Canned, tmp_path: Path) -> None:
    canned.answer("GET", ACME + "/export", b"\x30\x82\xff", Content_Disposition='attachment; filename="a.cer"')
    line = ["cert", "export", "acme", "--format", "der", "--env", "test", "-o"]
    assert run(*line, "-").stdout_bytes == b"\x30\x82\xff"
    assert canned.last.target.endswith("?format=der&environment=test")
    assert run(*line, str(tmp_path)).exit_code == 0
    assert (tmp_path / "a.cer").read_bytes() == b"\x30\x82\xff"
    written = json.loads(run(*line, str(tmp_path / "a.cer"), "--json").stdout)
    assert written["bytes"] == 3
    result = run(*line, str(tmp_path / "missing" / "a.cer"))
    assert result.exit_code == 1
    assert "cannot be written: No such file or directory." in result.stderr
