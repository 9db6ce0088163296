"""`release` and `env promote`: what they ask of REST, what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Canned, Program

RELEASES = "/api/v1/environments/test/releases"
PROMOTE = "/api/v1/environments/production/promote"
LINE = {
    "alias": "acme",
    "certificate": "acme",
    "origin": "certificate",
    "sha256": "ab" * 32,
    "certificate_name": "Acme CA",
    "not_before": "2026-01-01T00:00:00Z",
    "not_after": "2030-01-01T00:00:00Z",
}
KEY = {"name": "sign", "kid": "k1", "use": "sig", "alg": "ES256", "kty": "EC"}
NOTHING: dict[str, Any] = {
    "added": [], "removed": [], "changed": [], "jwks": {"added": [], "removed": [], "changed": []},
}  # fmt: skip
SOME = {
    "added": [LINE],
    "removed": [],
    "changed": [
        {**LINE, "alias": "bank", "before": {**LINE, "alias": "b", "sha256": "cd" * 32},
         "changes": ["certificate", "alias"]},
    ],
    "jwks": {"added": [KEY], "removed": [], "changed": []},
}  # fmt: skip
RELEASE = {
    "environment": "test",
    "number": 3,
    "digest": "ef" * 32,
    "created_at": "2026-03-03T14:00:00Z",
    "made_by": "ada",
    "note": "",
    "restored_from": 1,
    "left_out": [{"certificate": "gone", "alias": "gone", "reason": "Revoked in Trustyard."}],
    "gateways": [],
}
DEPLOYMENT = {"environments": [{"environment": "test", "release": 3, "state": "accepted",
               "left_out": RELEASE["left_out"], "gateways": []}]}  # fmt: skip
REFUSED = {
    "type": "/problems/restored",
    "title": "A restored release is in force",
    "status": 409,
    "detail": "A restored release is in force in test (release 1); this deploy would put what is saved in its place. "
    "Look at what would change, then repeat it with confirm_restored.",
    "version": "v1",
    "moved": False,
    "restored": [{"environment": "test", "release": 3, "restored_from": 1, **SOME}],
}
PROMOTION: dict[str, Any] = {
    "environment": "production",
    "from": "test",
    "version": "v2",
    "certificates": [{"certificate": "acme", "alias": "acme", "change": "add", "sha256": "ab" * 32}],
    "left_behind": [],
    "difference": SOME,
    "waiting": NOTHING,
    "jwk_connection": [],
    "jwks": [],
}


def test_a_preview_says_once_what_several_gateways_will_not_honour(run: Program, canned: Canned) -> None:
    note = {"code": "anchor-pin", "alias": "a", "sentence": "HAProxy and nginx do not trust a: it is no CA."}
    rows = [
        {"gateway": name, "kind": kind, "certificates": 1, "bytes": 9, "notes": [note] if kind == "agent" else []}
        for name, kind in (("edge", "envoy"), ("java", "agent"), ("web", "agent"))
    ]
    nothing = {"added": [], "removed": [], "changed": [], "roots": {"added": [], "removed": []},
               "jwks": {"added": [], "removed": [], "changed": []}}  # fmt: skip
    said = {"environment": "test", "from": 1, "difference": nothing, "left_out": [], "findings": [], "gateways": rows,
            "blocked": [], "asks": False}  # fmt: skip
    canned.answer("POST", "/api/v1/environments/test/releases/preview", said)
    told = [line for line in run("release", "preview", "test").stdout.splitlines() if "do not trust" in line]
    assert told == [f"java, web: {note['sentence']}"]
    for changed, sentence in ((False, "Nothing would change."), (True, "Nothing would change but what is left out.")):
        canned.answer("POST", "/api/v1/environments/test/releases/preview", {**said, "left_out_alone": changed})
        assert sentence in run("release", "preview", "test").stdout.splitlines()


def test_a_difference_is_printed_line_by_line(run: Program, canned: Canned) -> None:
    canned.answer("GET", f"{RELEASES}/2/diff", {"environment": "test", "from": 1, "to": 2, **SOME})
    result = run("release", "diff", "test", "2")
    assert result.exit_code == 0
    assert canned.last.target == f"{RELEASES}/2/diff"
    assert "From release 1 to release 2 of test" in result.stdout
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert any(line.startswith("added certificate acme acme Acme CA 2030-01-01") for line in lines)
    assert any(line.startswith("replaced, alias renamed certificate b -> bank") for line in lines)
    assert any(line.startswith("added JWK k1 sign EC ES256 sig") for line in lines)
    run("release", "diff", "test", "2", "saved")
    assert canned.last.target == f"{RELEASES}/2/diff?against=saved"
    canned.answer("GET", f"{RELEASES}/2/diff", {"environment": "test", "from": 2, "to": "saved", **NOTHING})
    assert "No difference." in run("release", "diff", "test", "2", "saved").stdout


def test_of_many_changes_the_counts_and_the_first_are_printed_and_json_has_all(run: Program, canned: Canned) -> None:
    many = {**SOME, "added": [{**LINE, "alias": f"a{number}"} for number in range(60)], "changed": SOME["changed"] * 9}
    canned.answer("GET", f"{RELEASES}/2/diff", {"environment": "test", "from": 1, "to": 2, **many})
    lines = run("release", "diff", "test", "2").stdout.splitlines()
    assert lines[1] == "70 changes: 61 added, 9 changed."
    assert [line.split()[2] for line in lines if line.startswith("added")] == [f"a{number}" for number in range(50)]
    assert lines[-1] == "And 20 more: --json has them all."
    assert len(json.loads(run("release", "diff", "test", "2", "--json").stdout)["added"]) == 60
    few = {**many, "added": many["added"][:40]}
    canned.answer("GET", f"{RELEASES}/2/diff", {"environment": "test", "from": 1, "to": 2, **few})
    whole = run("release", "diff", "test", "2").stdout
    assert whole.count("replaced") == whole.count("\nwas") == 9
    assert "more" not in whole


def test_of_many_that_are_left_behind_the_number_and_the_first_are_printed(run: Program, canned: Canned) -> None:
    rows = [{"certificate": f"c{number}", "alias": f"c{number}", "reason": "Expired."} for number in range(51)]
    canned.answer("POST", PROMOTE, {**PROMOTION, "left_behind": rows})
    lines = run("env", "promote", "test", "production", "--preview").stdout.splitlines()
    at = lines.index("Left out of this promotion: 51.")
    assert lines[at + 50].startswith("Left out of this promotion: c49")
    assert lines[at + 51] == "And 1 more: --json has them all."


def test_restoring_names_what_cannot_come_back(run: Program, canned: Canned) -> None:
    """D-22."""
    canned.answer("POST", f"{RELEASES}/1/restore", {**RELEASE, "deployment": DEPLOYMENT}, status=201)
    result = run("release", "restore", "test", "1", "--note", "why", "--wait", "0")
    assert (result.exit_code, canned.last.body) == (0, {"note": "why"})
    assert canned.last.target == f"{RELEASES}/1/restore?wait=0"
    assert "Made release 3 of test" in result.stdout
    assert "gone (alias gone): Revoked in Trustyard." in result.stdout
    seen = {"environment": "test", "release": 1, "version": "v", "left_out": [], "difference": SOME}
    canned.answer("POST", f"{RELEASES}/1/restore", seen)
    preview = run("release", "restore", "test", "1", "--preview")
    assert canned.last.body == {"preview": True}
    assert "would change" in preview.stdout
    moved = {"type": "/problems/moved", "detail": "It would be another one now."}
    canned.answer("POST", f"{RELEASES}/1/restore", moved, status=409)
    stale = run("release", "restore", "test", "1", "--previewed", "v")
    assert (stale.exit_code, canned.last.body) == (1, {"version": "v"})


def test_a_deploy_over_a_restored_release_ends_with_3_the_list_and_the_flag(run: Program, canned: Canned) -> None:
    """D-22, D-14."""
    canned.answer("POST", RELEASES, REFUSED, status=409)
    result = run("release", "deploy", "test")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "test, on release 3 with the content of 1:" in result.stderr
    assert "bank" in result.stderr
    assert "repeat it with --confirm-restored.\n" in result.stderr
    assert "confirm_restored" not in result.stderr
    run("release", "deploy", "test", "--confirm-restored")
    assert canned.last.body == {"confirm_restored": True}


@pytest.mark.parametrize(
    ("line", "method", "target"),
    [
        ("cert revoke acme --env test --reason x", "POST", "/api/v1/certificates/acme/entries/test/revoke"),
        ("cert edit acme --description x --deploy", "PATCH", "/api/v1/certificates/acme"),
        ("jwk edit sign --deploy", "PATCH", "/api/v1/jwks/sign"),
        ("jwk delete sign --yes", "DELETE", "/api/v1/jwks/sign"),
    ],
)
def test_whatever_deploys_takes_the_flag(run: Program, canned: Canned, line: str, method: str, target: str) -> None:
    canned.answer("GET", "/api/v1/certificates/acme", {"name": "acme", "entries": []}, ETag='"1-1"')
    canned.answer("GET", "/api/v1/jwks/sign", {"name": "sign", "kid": "k", "environments": ["test"]}, ETag='"1-1"')
    canned.answer(method, target, REFUSED, status=409)
    assert run(*line.split()).exit_code == 3
    assert "confirm_restored" not in (canned.last.body or {})
    run(*line.split(), "--confirm-restored")
    assert canned.last.method == method
    assert "confirm_restored=true" in canned.last.target or canned.last.body["confirm_restored"] is True


def test_a_release_is_shown_by_its_number_or_by_a_moment(run: Program, canned: Canned) -> None:
    """D-21."""
    canned.answer("GET", RELEASES, {"items": [RELEASE], "next": None, "total": 1})
    result = run("release", "show", "test", "--at", "2026-03-03T14:00:00Z")
    assert canned.last.target == f"{RELEASES}?at=2026-03-03T14%3A00%3A00Z"
    assert "Restored From: 1" in " ".join(result.stdout.split())
    canned.answer("GET", RELEASES, {"items": [], "next": None, "total": 0})
    none = run("release", "show", "test", "--at", "2020-01-01T00:00:00Z")
    assert (none.exit_code, "no release yet" in none.stderr) == (1, True)
    assert run("release", "show", "test").exit_code == 2
    assert run("release", "show", "test", "3", "--at", "2020-01-01T00:00:00Z").exit_code == 2


def test_a_release_is_written_as_a_folder(run: Program, canned: Canned, tmp_path: Path) -> None:
    canned.answer("GET", f"{RELEASES}/1/download", b"PK", Content_Disposition='attachment; filename="r.zip"')
    target = tmp_path / "one.zip"
    assert run("release", "download", "test", "1", "-o", str(target)).exit_code == 0
    assert target.read_bytes() == b"PK"


def test_promoting_shows_the_difference_and_asks_first(run: Program, canned: Canned) -> None:
    canned.answer("POST", PROMOTE, PROMOTION)
    asked = run("env", "promote", "test", "production")
    assert asked.exit_code == 1
    assert "Acme CA" in asked.stdout
    assert "--yes" in asked.stderr
    assert canned.last.body == {"from": "test", "certificates": None, "preview": True}
    done = run("env", "promote", "test", "production", "--certificate", "acme", "--yes", "--deploy", "--wait", "0")
    assert done.exit_code == 0
    assert canned.last.body == {
        "from": "test",
        "certificates": ["acme"],
        "jwk_connection": {},
        "version": "v2",
        "deploy": True,
    }
    assert json.loads(run("env", "promote", "test", "production", "--preview", "--json").stdout) == PROMOTION


def test_promoting_with_undecided_jwks_ends_with_3_and_the_list(run: Program, canned: Canned) -> None:
    """D-14."""
    jwk = {"name": "sign", "environment": "production", "kid": "k1", "alg": "ES256", "becomes": {"kid": "k2"},
           "problem": None, "options": ["update", "disconnect"], "algorithms": ["ES256"]}  # fmt: skip
    question = {"certificate": "acme", "detail": "…", "options": ["update", "disconnect"], "version": "v",
                "jwks": [jwk], "moved": False}  # fmt: skip
    canned.answer("POST", PROMOTE, {**PROMOTION, "jwk_connection": [question]})
    assert "sign" in run("env", "promote", "test", "production", "--preview").stdout
    result = run("env", "promote", "test", "production", "--yes")
    assert result.exit_code == 3
    assert "--confirm acme" in result.stderr
    assert canned.last.body["preview"], "asked before anything was to be written"


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ("--jwks update --confirm acme", {"acme": {"action": "update", "confirm": "acme"}}),
        ("--jwks acme=disconnect --confirm acme", {"acme": {"action": "disconnect", "confirm": "acme"}}),
        ("--jwks acme=update", {"acme": {"action": "update", "confirm": ""}}),
        ("--confirm acme", None),
        ("--jwks sometimes --confirm acme", None),
        ("--jwks update --jwks acme=update", None),
    ],
)
def test_the_answer_about_jwks_is_for_each_certificate(
    run: Program, canned: Canned, options: str, given: dict[str, Any] | None
) -> None:
    canned.answer("POST", PROMOTE, PROMOTION)
    result = run("env", "promote", "test", "production", "--yes", *options.split())
    assert result.exit_code == (0 if given is not None else 2)
    if given is not None:
        assert canned.last.body["jwk_connection"] == given
