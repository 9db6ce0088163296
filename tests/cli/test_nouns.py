"""The other nouns: what `env`, `jwk`, `gateway`, `truststore`, `release` and `audit` ask of REST."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from trustyard.actions.fleet import STATES

from .conftest import Canned, Program

ENVIRONMENT = {"name": "stage", "type": "test", "description": "", "root_set": "none", "roots": 0, "deny_list": []}
GATEWAY = {"environment": "test", "name": "edge", "kind": "envoy", "options": {}, "nodes": [], "version": 1}
PROBE = {"address": "gateway.example:8443"}
JWK = {
    "name": "sign",
    "description": "",
    "kid": "k1",
    "use": "sig",
    "alg": "RS256",
    "state": "active",
    "environments": ["test"],
    "connected_to": {"certificate": "acme", "environment": "test"},
    "jwk": {"kty": "RSA", "n": "AQ", "e": "AQAB"},
    "findings": ["The key has 1024 bits."],
}


def test_an_environment_is_made_with_a_root_set_from_a_file(run: Program, canned: Canned, tmp_path: Path) -> None:
    """D-16."""
    canned.answer("POST", "/api/v1/environments", ENVIRONMENT, status=201)
    (tmp_path / "roots.pem").write_text("-----BEGIN CERTIFICATE-----")
    line = ["env", "add", "stage", "--type", "test", "--root-set"]
    assert run(*line, str(tmp_path / "roots.pem"), "--deny", "AA" * 32).exit_code == 0
    assert canned.last.body == {
        "name": "stage",
        "type": "test",
        "description": "",
        "root_set": {"pem": "-----BEGIN CERTIFICATE-----"},
        "deny_list": ["aa" * 32],
    }
    run(*line, "mozilla")
    assert canned.last.body["root_set"] == "mozilla"


@pytest.mark.parametrize(
    ("line", "target", "value"),
    [
        ("env remove stage", "/api/v1/environments/stage", ENVIRONMENT),
        ("gateway remove test edge", "/api/v1/environments/test/gateways/edge", GATEWAY),
        ("jwk delete sign", "/api/v1/jwks/sign", JWK),
    ],
)
def test_what_removes_asks_first_and_sends_the_version(
    run: Program, canned: Canned, line: str, target: str, value: object
) -> None:
    canned.answer("GET", target, value, ETag='"4-2"')
    canned.answer("DELETE", target, b"", status=204)
    result = run(*shlex.split(line))
    assert result.exit_code == 1
    assert "--yes" in result.stderr
    assert run(*shlex.split(line), stdin="n\ny\n").exit_code == 1
    assert {asked.method for asked in canned.asked} == {"GET"}
    for words, answer in (["--yes"], None), ([], "y\n"):
        assert run(*shlex.split(line), *words, stdin=answer).exit_code == 0
        assert canned.last.method == "DELETE"
        assert canned.last.headers["If-Match"] == '"4-2"'
    assert run(*shlex.split(line), "-y", "--json").stdout == "null\n"


def test_a_jwk_is_made_from_an_entry(run: Program, canned: Canned) -> None:
    canned.answer("POST", "/api/v1/jwks", JWK, status=201)
    result = run(*shlex.split("jwk add sign --certificate acme --env test --use sig --alg RS256 --kid k1 --deploy"))
    assert result.exit_code == 0, result.output
    assert canned.last.body == {
        "name": "sign",
        "description": "",
        "source": {"kind": "certificate", "certificate": "acme", "environment": "test"},
        "use": "sig",
        "alg": "RS256",
        "kid": "k1",
        "deploy": True,
    }
    assert "acme in test" in result.stdout
    assert "Finding: The key has 1024 bits." in result.stderr


def test_a_jwk_given_by_hand_is_sent_as_it_is(run: Program, canned: Canned, tmp_path: Path) -> None:
    """I-01."""
    notice = {"code": "jwk-members-left-out", "message": "The member ext was left out."}
    canned.answer("POST", "/api/v1/jwks", {**JWK, "notices": [notice]}, status=201)
    file = tmp_path / "k.json"
    for text in ({"kty": "RSA"}, {"keys": [{"kty": "RSA"}]}):
        file.write_text(json.dumps(text))
        result = run("jwk", "add", "sign", "--file", str(file), "--env", "test, production")
        assert result.exit_code == 0
        assert result.stderr.endswith("Notice: The member ext was left out.\n")
        assert canned.last.body["source"] == {
            "kind": "jwk",
            "jwk": {"kty": "RSA"},
            "environments": ["test", "production"],
        }
    assert "alg" not in canned.last.body


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("--name seal --description why", {"name": "seal", "description": "why"}),
        ("--description ''", {"description": ""}),
        ("--state disabled --use enc --alg RSA-OAEP-256", {"state": "disabled", "use": "enc", "alg": "RSA-OAEP-256"}),
        ("--alg none --use none", {"use": None, "alg": None}),
        ("--kid k2 --deploy", {"kid": "k2", "deploy": True}),
        ("--thumbprint", {"kid": None}),
        ("--deploy --confirm-restored", {"deploy": True, "confirm_restored": True}),
    ],
)
def test_what_is_not_given_of_a_jwk_stays_as_it_is(
    run: Program, canned: Canned, line: str, sent: dict[str, object]
) -> None:
    canned.answer("GET", "/api/v1/jwks/sign", JWK, ETag='"4-2"')
    canned.answer("PATCH", "/api/v1/jwks/sign", {**JWK, "kid": "k2"})
    result = run("jwk", "edit", "sign", *shlex.split(line))
    assert result.exit_code == 0, result.output
    assert canned.last.body == {"deploy": False, **sent}
    assert canned.last.headers["If-Match"] == '"4-2"'
    assert "Key ID:       k2" in result.stdout


def test_a_jwk_that_was_changed_says_when_that_is_published(run: Program, canned: Canned) -> None:
    canned.answer("GET", "/api/v1/jwks/sign", JWK, ETag='"4-2"')
    line, waits = ["jwk", "edit", "sign", "--state", "disabled"], "changes with the next release: `trustyard release"
    for after, said in ({**JWK, "name": "seal"}, False), ({**JWK, "state": "disabled"}, True):
        canned.answer("PATCH", "/api/v1/jwks/sign", after)
        assert (waits in run(*line).stdout) is said
    assert waits not in run(*line, "--deploy", "--wait", "0").stdout
    assert canned.last.target == "/api/v1/jwks/sign?wait=0"


def test_a_jwk_is_made_without_an_algorithm(run: Program, canned: Canned) -> None:
    canned.answer("POST", "/api/v1/jwks", {**JWK, "alg": None}, status=201)
    run("jwk", "add", "sign", "--certificate", "acme", "--env", "test", "--alg", "none")
    assert canned.last.body["alg"] is None


def test_jwks_are_listed_by_whether_they_are_connected(run: Program, canned: Canned) -> None:
    canned.answer("GET", "/api/v1/jwks", {"items": [], "next": None, "total": 0})
    for option, asked in ("--connected", "true"), ("--no-connected", "false"):
        assert run("jwk", "list", option).stdout == "No JWKs match.\n"
        assert f"connected={asked}" in canned.last.target


@pytest.mark.parametrize("text", ["", "no json", "[1]", '{"keys": []}', '{"keys": [1]}', "[" * 100000])
def test_a_file_that_holds_no_jwk_is_refused_here(run: Program, canned: Canned, text: str, tmp_path: Path) -> None:
    (tmp_path / "k.json").write_text(text)
    result = run("jwk", "add", "sign", "--file", str(tmp_path / "k.json"), "--env", "test")
    assert result.exit_code == 1
    assert "k.json" in result.stderr
    assert not canned.asked


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ("--kind files --directory /srv/trust", {"directory": "/srv/trust"}),
        ("--kind envoy", {}),
        (
            "--kind envoy --issuer https://idp --audience a,b --audience c --prefix /api",
            {"issuers": [{"issuer": "https://idp", "audiences": ["a", "b", "c"], "prefix": "/api"}]},
        ),
        (
            "--kind envoy --issuer https://a --issuer https://b",
            {"issuers": [{"issuer": "https://a"}, {"issuer": "https://b"}]},
        ),
        ("--kind x --option n=3 --option s=text --option l='[1]'", {"n": 3, "s": "text", "l": [1]}),
    ],
)
def test_a_gateway_is_added_with_the_options_of_its_kind(
    run: Program, canned: Canned, options: str, sent: dict[str, object]
) -> None:
    canned.answer("POST", "/api/v1/environments/test/gateways", GATEWAY, status=201)
    assert run("gateway", "add", "test", "edge", *shlex.split(options)).exit_code == 0
    assert canned.last.body["options"] == sent


@pytest.mark.parametrize(
    ("kind", "options", "sent"),
    [
        ("files", "--directory /srv/trust", {"directory": "/srv/trust", "probes": [PROBE]}),
        ("files", "--option directory=null", {"directory": None, "probes": [PROBE]}),
        ("haproxy", "--option include=all --option probes=[]", {"include": "all", "probes": []}),
        ("agent", "--option allow_older=true", {"allow_older": True, "probes": [PROBE]}),
        ("envoy", "--issuer https://b --prefix /b", {"issuers": [{"issuer": "https://b", "prefix": "/b"}]}),
    ],
)
def test_options_of_a_gateway_that_are_not_given_stay_as_they_are(
    run: Program, canned: Canned, kind: str, options: str, sent: dict[str, object]
) -> None:
    target = "/api/v1/environments/test/gateways/edge"
    stored = {"probes": [PROBE], "directory": "/srv/old", "socket": "/run/s", "issuers": [{"issuer": "https://a"}]}
    canned.answer("GET", target, {**GATEWAY, "kind": kind, "options": stored}, ETag='"4-2"')
    canned.answer("PATCH", target, {**GATEWAY, "kind": kind, "options": {"now": "there"}})
    result = run("gateway", "edit", "test", "edge", *shlex.split(options))
    assert result.exit_code == 0, result.output
    assert canned.last.body == {"options": {**stored, **sent}}
    assert canned.last.headers["If-Match"] == '"4-2"'
    assert '{"now": "there"}' in result.stdout


def test_a_bootstrap_is_printed_as_it_is_and_as_json(run: Program, canned: Canned) -> None:
    yaml = b"node:\n  cluster: test/edge\n"
    target = "/api/v1/environments/test/gateways/edge/bootstrap"
    canned.answer("GET", target, yaml, Content_Type="application/yaml")
    line = ["gateway", "bootstrap", "test", "edge"]
    assert run(*line).stdout_bytes == yaml
    assert canned.last.target == target
    assert json.loads(run(*line, "--json").stdout) == {"node": {"cluster": "test/edge"}}
    run(*line, "--mode", "sotw")
    assert canned.last.target.endswith("?mode=sotw")
    run(*line, "--listen", "0.0.0.0:8443", "--cert", "/c.pem", "--key", "/k.pem", "--trust", "alias/acme")
    assert canned.last.target.endswith("?listen=0.0.0.0%3A8443&cert=%2Fc.pem&key=%2Fk.pem&trust=alias%2Facme")


def test_a_token_is_rotated_over_the_version_that_was_read(run: Program, canned: Canned) -> None:
    target = "/api/v1/environments/test/gateways/edge"
    canned.answer("GET", target, GATEWAY, ETag='"4-2"')
    canned.answer("PATCH", target, GATEWAY)
    asked = run("gateway", "rotate", "test", "edge")
    assert (asked.exit_code, canned.last.method) == (1, "GET"), "it asks first: nodes are shut out"
    assert "another one now" in run("gateway", "rotate", "test", "edge", "--yes").stdout
    assert (canned.last.method, canned.last.body) == ("PATCH", {"rotate_token": True})
    assert canned.last.headers["If-Match"] == '"4-2"'


def test_the_truststore_says_what_is_in_force_and_what_waits(run: Program, canned: Canned) -> None:
    """S-40, D-21."""
    row = {
        "alias": "acme",
        "origin": "certificate",
        "certificate_name": "acme.example",
        "serial_hex": "2a",
        "not_after": "2027-01-01T00:00:00Z",
        "status": "valid",
        "pending": None,
    }
    items = [row, {**row, "pending": "added"}, {**row, "pending": "removed", "reason": "It has expired."}]
    items.append({**row, "pending": "added", "reason": "Left out. Too weak.", "left_out": "Too weak."})
    canned.answer("GET", "/api/v1/environments/test/truststore", {"items": items, "next": None, "total": 4})
    lines = run("truststore", "list", "test", "--origin", "certificate").stdout.splitlines()[1:]
    assert lines[0].endswith("yes")
    assert lines[1].endswith("no, added with the next release")
    assert lines[2].endswith("yes, removed with the next release: It has expired.")
    assert lines[3].endswith("no, left out: Too weak.")
    assert "origin=certificate" in canned.last.target


def test_the_truststore_names_gateways_that_do_not_have_what_is_in_force(run: Program, canned: Canned) -> None:
    """D-06: in their own words, and also where no row fits."""
    row = {"gateway": "edge", "node": "n1", "state": "refused", "detail": "no such anchor", "milliseconds": 3}
    release = {"number": 7, "state": "refused", "gateways": [row, {**row, "gateway": "files", "state": "accepted"}]}
    page = {"items": [], "next": None, "total": 0, "release": release}
    canned.answer("GET", "/api/v1/environments/test/truststore", page)
    assert run("truststore", "list", "test").stdout.splitlines()[1:] == [
        "Release 7 of test is in force, but not accepted everywhere:",
        "  edge (n1) in test is refused: no such anchor",
    ]
    release["gateways"] = [{**row, "state": "accepted"}]
    canned.answer("GET", "/api/v1/environments/test/truststore", page)
    assert "Release 7" not in run("truststore", "list", "test").stdout


def test_a_truststore_is_exported(run: Program, canned: Canned, tmp_path: Path) -> None:
    canned.answer("GET", "/api/v1/environments/test/truststore/export", b"p12")
    line = f"truststore export test --format pkcs12 --password changeit --include used -o {tmp_path}/trust.p12"
    result = run(*shlex.split(line))
    assert result.exit_code == 0
    assert (tmp_path / "trust.p12").read_bytes() == b"p12"
    assert canned.last.target.endswith("?format=pkcs12&include=used&password=changeit")


def test_releases_are_listed_with_the_states_of_their_gateways(run: Program, canned: Canned) -> None:
    gateways = [{"gateway": "edge", "node": n, "state": "accepted", "detail": ""} for n in ("a", "b")]
    one = {"number": 7, "digest": "ab" * 32, "created_at": "2026-01-01T00:00:00Z", "made_by": "ada", "note": "why",
           "restored_from": None, "left_out": [], "gateways": gateways}  # fmt: skip
    canned.answer("GET", "/api/v1/environments/test/releases", {"items": [one], "next": None, "total": 1})
    canned.answer("GET", "/api/v1/environments/test/releases/7", one)
    assert "2 accepted" in run("release", "list", "test").stdout
    assert "ada" in run("release", "show", "test", "7").stdout


def test_the_audit_is_filtered_by_the_server(run: Program, canned: Canned) -> None:
    event = {"at": "2026-01-01T00:00:00Z", "actor": "ada", "address": "127.0.0.1"}
    event |= {"action": "jwk.create", "object_kind": "jwk", "object": "sign"}
    canned.answer("GET", "/api/v1/audit", {"items": [event], "next": "c", "total": 9})
    line = "audit list --actor ada --object sign --action jwk.create"
    result = run(*shlex.split(line), "--since", "2026-01-01T00:00:00Z", "--until", "2027-01-01T00:00:00Z")
    assert "jwk sign" in result.stdout
    assert "Go on with --cursor c" in result.stdout
    assert len(canned.asked) == 1
    for part in ("actor=ada", "object=sign", "action=jwk.create", "since=2026", "until=2027", "limit=50"):
        assert part in canned.last.target


@pytest.mark.parametrize(
    ("line", "noun"),
    [
        ("env list -q west", "environments"),
        ("jwk list -q west", "jwks"),
        ("gateway list test -q west", "environments/test/gateways"),
    ],
)
def test_a_search_of_the_list_reaches_the_server(run: Program, canned: Canned, line: str, noun: str) -> None:
    canned.answer("GET", f"/api/v1/{noun}", {"items": [], "next": None, "total": 0})
    assert run(*line.split()).stdout.lower() == f"no {noun.rpartition('/')[2]} match.\n"
    assert "q=west" in canned.last.target


def test_two_agents_of_one_name_are_named_with_their_node(run: Program, canned: Canned) -> None:
    """A server of before says nothing of them."""
    nodes = [
        {"node": "clone", "connected": True, "last_seen": "2026-12-01T10:00:00Z", "agents": ["192.0.2.7", "192.0.2.8"]}
    ]
    nodes.append({"node": "other", "connected": False, "last_seen": "2026-12-01T10:00:00Z"})
    canned.answer("GET", "/api/v1/environments/test/gateways/edge", {**GATEWAY, "nodes": nodes})
    said = " ".join(run("gateway", "show", "test", "edge").stdout.split())
    assert "clone (connected; 2 agents of one name, at 192.0.2.7 and 192.0.2.8), other (not connected)" in said
    nodes[0]["agents"] = ["192.0.2.7"] * 2
    canned.answer("GET", "/api/v1/environments/test/gateways/edge", {**GATEWAY, "nodes": nodes})
    said = " ".join(run("gateway", "show", "test", "edge").stdout.split())
    assert "clone (connected; 2 agents of one name, at 192.0.2.7), other" in said


@pytest.mark.parametrize(
    ("said", "shown"),
    [({"state": "refused"}, "refused"), ({"state": None}, "no release yet"), ({}, "")],
    ids=["a state", "no release", "a server of before"],
)
def test_a_gateway_is_listed_and_shown_with_its_state(
    run: Program, canned: Canned, said: dict[str, str | None], shown: str
) -> None:
    listed = {"items": [{**GATEWAY, **said}], "next": None, "total": 1}
    canned.answer("GET", "/api/v1/environments/test/gateways", listed)
    head, row = run("gateway", "list", "test").stdout.splitlines()
    assert head.split() == ["Name", "Kind", "State", "Nodes", "Options"]
    assert row.split() == ["edge", "envoy", *shown.split(), "none", "yet", "{}"]
    canned.answer("GET", "/api/v1/environments/test/gateways/edge", {**GATEWAY, **said})
    lines = [line.split() for line in run("gateway", "show", "test", "edge").stdout.splitlines()]
    assert [line[1:] for line in lines if line[0] == "State:"] == ([shown.split()] if shown else [])


@pytest.mark.parametrize("state", STATES)
def test_gateways_are_listed_by_each_state_that_lists_are_filtered_by(run: Program, canned: Canned, state: str) -> None:
    canned.answer("GET", "/api/v1/environments/test/gateways", {"items": [GATEWAY], "next": None, "total": 1})
    assert "edge" in run("gateway", "list", "test", "--state", state).stdout
    assert f"state={quote_plus(state)}" in canned.last.target


@pytest.mark.parametrize(
    ("line", "path", "sentence"),
    [
        ("cert list", "certificates", "No certificates yet: take one in with `trustyard cert add`."),
        ("env list", "environments", "No environments yet: make one with `trustyard env add NAME`."),
        ("gateway list test", "environments/test/gateways", "No gateways here yet: add one with `trustyard"),
        ("jwk list", "jwks", "No JWKs yet: make one with `trustyard"),
        ("release list test", "environments/test/releases", "No release yet: make one with `trustyard"),
    ],
)
def test_a_list_of_nothing_says_what_to_do_next(
    run: Program, canned: Canned, line: str, path: str, sentence: str
) -> None:
    canned.answer("GET", f"/api/v1/{path}", {"items": [], "next": None, "total": 0})
    assert run(*shlex.split(line)).stdout.startswith(sentence)
