"""Wrong usage is exit code 2, says what is wrong on standard error, and asks the server nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Canned, Program

CERT_ADD = ["cert", "add", "acme", "--env", "test", "--alias", "acme"]
WRONG = [
    (["no-such-command"], "no-such-command"),
    (["cert", "no-such-command"], "no-such-command"),
    (["cert", "list", "--no-such-option"], "--no-such-option"),
    (["cert", "list", "--limit", "501"], "'--limit': This must be at most 500."),
    (["cert", "list", "--limit", "x"], "'--limit': This must be a whole number."),
    (["env", "add", "x", "--type", "stage"], "'--type': 'stage' is not one of 'test', 'production'."),
    (["cert", "show"], "NAME"),
    (["cert", "show", ""], "is no name"),
    (["cert", "delete", ".."], "is no name"),
    (["cert", "add", "acme", "--alias", "acme", "--url", "https://127.0.0.1"], "--env"),
    (["cert", "add", "acme", "--env", "test", "--url", "https://127.0.0.1"], "--alias"),
    (CERT_ADD, "Name a source"),
    ([*CERT_ADD, "--url", "https://127.0.0.1", "--paste"], "2 sources"),
    ([*CERT_ADD, "--url", "http://127.0.0.1:8400", "--file", "x.pem"], "--server"),
    ([*CERT_ADD, "--file", "x.pem", "--encoding", "BASE64"], "--encoding goes with --paste"),
    ([*CERT_ADD, "--paste", "--encoding", "HEX"], "--encoding"),
    ([*CERT_ADD, "--paste", "--password", "x"], "go with --file"),
    ([*CERT_ADD, "--inspected", "token", "--paste"], "--inspected"),
    ([*CERT_ADD, "--url", "https://127.0.0.1", "--choose", "abc"], "64 hexadecimal digits"),
    ([*CERT_ADD, "--url", "https://127.0.0.1", "--wait", "61"], "--wait"),
    (["cert", "add", "acme", "--env", "test,,production", "--alias", "a", "--url", "https://127.0.0.1"], "empty"),
    (["cert", "revoke", "acme", "--env", "test"], "--reason"),
    (["cert", "inspect"], "Name a source"),
    (["cert", "inspect", "https://127.0.0.1", "--paste"], "2 sources"),
    (["cert", "inspect", "a.pem", "--file", "b.pem"], "One source at a time"),
    (["cert", "edit", "acme"], "Nothing to change"),
    (["cert", "edit", "acme", "--alias", "x"], "--env"),
    (["cert", "edit", "acme", "--env", "test"], "--env needs"),
    (["cert", "edit", "acme", "--env", "test", "--alias", "x", "--choose", "a" * 64], "--choose goes with a source"),
    (["cert", "edit", "acme", "--description", "x", "--confirm", "acme"], "--jwks"),
    (["cert", "edit", "acme", "--description", "x", "--jwks", "keep"], "update, disconnect, delete"),
    (["cert", "edit", "acme", "--description", "x", "--jwks", "update", "--jwks", "delete"], "once"),
    (["cert", "edit", "acme", "--description", "x", "--jwks", "update", "--algorithm", "ES256"], "JWK=ALG"),
    (["cert", "delete", "acme", "--jwks", "update", "--confirm", "acme"], "--jwks"),
    (["env", "promote", "test", "production", "--jwks", "delete", "--confirm", "acme"], "update, disconnect."),
    (["env", "promote", "test", "production", "--jwks", "update", "--jwks", "x=update"], "for each certificate"),
    (["cert", "delete", "acme", "--confirm", "acme"], "--jwks"),
    (["cert", "revoke", "acme", "--reason", "x"], "--env"),
    (["cert", "export", "acme", "--format", "docx"], "--format"),
    (["cert", "export", "acme", "-o", "-", "--json"], "standard output"),
    (["cert", "chain", "acme"], "--env"),
    (["cert", "compare"], "LEFT"),
    (["cert", "compare", "a.pem"], "Compare with what?"),
    (["cert", "compare", "acme", "--with", "other"], "--env"),
    (["cert", "compare", "acme", "b.pem", "--env", "test", "--with", "other"], "one other side"),
    (["cert", "compare", "acme", "--env", "test", "--inspected", "t", "--url", "https://127.0.0.1"], "is a source"),
    (["cert", "compare", "acme", "--env", "test", "--inspected", "t", "--with", "other"], "one other side"),
    (["cert", "compare", "acme", "--env", "test", "--choose", "a" * 64], "--choose goes with"),
    (["jwk", "add", "key", "--env", "test"], "--certificate or from --file"),
    (["jwk", "add", "key", "--env", "test", "--certificate", "c", "--file", "k.json"], "one of them"),
    (["jwk", "add", "key", "--certificate", "c"], "--env"),
    (["jwk", "add", "key", "--certificate", "c", "--env", "test,production"], "one environment"),
    (["jwk", "add", "key", "--certificate", "c", "--env", "test", "--use", "both"], "--use"),
    (["jwk", "edit", "key"], "Nothing to change: see `trustyard jwk edit --help`."),
    (["jwk", "edit", "key", "--wait", "1"], "Nothing to change"),
    (["jwk", "edit", "key", "--kid", "k", "--thumbprint"], "two key IDs"),
    (["jwk", "edit", "key", "--state", "off"], "--state"),
    (["cert", "list", "--status", "fresh"], "--status"),
    (["cert", "list", "--sort", "age"], "--sort"),
    (["truststore", "list"], "ENV"),
    (["truststore", "list", "test", "--status", "fresh"], "--status"),
    (["truststore", "export", "test", "--format", "docx"], "--format"),
    (["env", "add"], "NAME"),
    (["env", "add", "stage", "--type", "staging"], "--type"),
    (["env", "edit", "test"], "Nothing to change"),
    (["env", "edit", "test", "--deny", "a" * 64, "--allow", "A" * 64], "at once"),
    (["gateway", "add", "test", "edge"], "--kind"),
    (["gateway", "add", "test", "edge", "--kind", "envoy", "--audience", "a"], "--issuer"),
    (["gateway", "add", "test", "edge", "--kind", "envoy", "--option", "x"], "KEY=VALUE"),
    (["gateway", "edit", "test", "edge", "--directory", "/a", "--option", "directory=/b"], "both give directory"),
    (["gateway", "add", "t", "e", "--kind", "envoy", "--issuer", "a", "--option", "issuers=[]"], "both give issuers"),
    (["gateway", "edit", "test", "edge", "--option", "x=1", "--option", "x=2"], "given twice"),
    (["gateway", "edit", "test", "edge"], "Nothing to change: see `trustyard gateway edit --help`."),
    (["gateway", "edit", "test", "edge", "--kind", "files"], "--kind"),
    (["gateway", "list", "test", "--state", "asleep"], "'needs attention', 'open', 'drifted', "),
    (["gateway", "edit", "test", "edge", "--prefix", "/"], "--issuer"),
    (["gateway", "edit", "test", "edge", "--option", "=x"], "KEY=VALUE"),
    (["gateway", "bootstrap", "test", "edge", "--mode", "rest"], "--mode"),
    (["gateway", "bootstrap", "test", "edge", "--listen", "0.0.0.0:443"], "--cert"),
    (["gateway", "bootstrap", "test", "edge", "--trust", "used"], "--listen"),
    (["release", "show", "test", "first"], "N"),
    (["release", "show", "test", "0"], "N"),
    (["release", "restore", "test", "1", "--preview", "--previewed", "v"], "--previewed"),
    (["release", "deploy", "test", "--wait", "-1"], "--wait"),
    (["audit", "list", "--limit", "0"], "--limit"),
]


@pytest.mark.parametrize(
    ("arguments", "said"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_wrong_usage_ends_with_2_and_changes_nothing(
    run: Program, canned: Canned, arguments: list[str], said: str
) -> None:
    canned.answer("GET", "/api/v1/certificates/acme/export", b"zip")
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert not result.stdout
    assert all(asked.method == "GET" for asked in canned.asked)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "127.0.0.1:8400", "http://", "http://[::1", "http://h:99999", "http://u@h"]
)
def test_an_address_that_cannot_be_a_server_is_wrong_usage(run: Program, url: str) -> None:
    result = run("--url", url, "cert", "list")
    assert result.exit_code == 2
    assert "no address of a Trustyard server" in result.stderr


@pytest.mark.parametrize("token", ["a\nb", "schlüssel"])
def test_a_token_that_cannot_be_sent_is_wrong_usage_and_is_not_shown(run: Program, token: str) -> None:
    result = run("cert", "list", "--token", token)
    assert result.exit_code == 2
    assert token not in result.output


def test_text_that_is_no_utf_8_is_wrong_usage(run: Program, canned: Canned) -> None:
    result = run("cert", "show", "caf\udce9")
    assert result.exit_code == 2
    assert "UTF-8" in result.stderr
    assert not canned.asked


def test_nothing_at_all_prints_the_help(run: Program) -> None:
    for arguments in ([], ["cert"], ["jwk"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "Usage:" in result.output


@pytest.mark.parametrize("command", ["cert inspect", "cert compare", "trust check", "release show", "release diff"])
def test_what_may_be_left_out_stands_in_one_pair_of_brackets(run: Program, command: str) -> None:
    usage = run(*command.split(), "--help").output.partition("\n")[0]
    assert usage.endswith("]")
    assert "[[" not in usage


def test_every_command_has_help_with_json_token_and_server(run: Program) -> None:
    from trustyard.cli import audit, certificates, environments, gateways, jwks, releases, truststores

    for name, module in {
        "env": environments,
        "cert": certificates,
        "jwk": jwks,
        "truststore": truststores,
        "gateway": gateways,
        "release": releases,
        "audit": audit,
    }.items():
        assert module.app.registered_commands
        for command in module.app.registered_commands:
            if (name, command.name) == ("audit", "verify"):
                continue  # reads the database, not REST
            result = run(name, str(command.name), "--help", COLUMNS="200")
            assert result.exit_code == 0
            assert all(option in result.stdout for option in ("--json", "--token", "--server")), command.name


def test_a_file_that_is_not_there_is_an_error_that_names_it(run: Program, tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    result = run(*CERT_ADD, "--file", str(missing))
    assert result.exit_code == 1
    assert f"{missing} cannot be read: No such file or directory." in result.stderr
    assert "An address begins" not in result.stderr


@pytest.mark.parametrize(
    "command", [["cert", "inspect"], ["trust", "check", "--env", "test"], ["cert", "compare", "-"]]
)
def test_a_host_without_a_scheme_is_told_how_an_address_begins(run: Program, command: list[str]) -> None:
    result = run(*command, "api.acme.example:443")
    assert result.exit_code == 1
    assert "api.acme.example:443 cannot be read: No such file or directory." in result.stderr
    assert "An address begins with https:// or ldaps://." in result.stderr
