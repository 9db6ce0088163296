"""The way to the server: names, tokens, versions and pages on the wire, and one clear sentence for what goes wrong."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.tls_servers import Ca, TlsServer
from trustyard.cli import rest

from .conftest import Canned, Program

ENVIRONMENT = {
    "name": "test",
    "type": "test",
    "description": "",
    "root_set": "none",
    "roots": 0,
    "deny_list": ["b" * 64],
}


@contextmanager
def talker(words: bytes) -> Iterator[str]:
    """A server that says these bytes to whoever comes, and hangs up; with no bytes it says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        done = threading.Event()

        def talk() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                if words:
                    connection.sendall(words)
                else:
                    done.wait(20)

        thread = threading.Thread(target=talk)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        done.set()
        thread.join()


def test_names_are_percent_encoded_whole(run: Program, canned: Canned) -> None:
    """I-13."""
    run("cert", "show", "a/b ç%2F?#..")
    assert canned.last.target == "/api/v1/certificates/a%2Fb%20%C3%A7%252F%3F%23.."


def test_the_token_goes_as_bearer(run: Program, canned: Canned) -> None:
    run("env", "list")
    assert canned.last.headers["Authorization"] == "Bearer secret-token"


def test_a_token_is_given_without_the_word_before_it(run: Program, canned: Canned) -> None:
    for given in {"TRUSTYARD_TOKEN": "Bearer secret-token"}, {"TRUSTYARD_TOKEN": " bearer  secret-token"}:
        result = run("env", "list", **given)
        assert result.exit_code == 2
        assert "The token begins with the word Bearer." in result.stderr
        assert "secret-token" not in result.stderr
    assert not canned.asked


def test_flags_come_before_the_environment_and_those_of_the_command_before_all(run: Program, canned: Canned) -> None:
    elsewhere = {"TRUSTYARD_URL": "http://127.0.0.1:9", "TRUSTYARD_TOKEN": "of-the-environment"}
    run("--url", canned.url, "--token", "global", "env", "list", **elsewhere)
    assert canned.last.headers["Authorization"] == "Bearer global"
    run("--url", "http://127.0.0.1:9", "--token", "global", "env", "list", "--url", canned.url, "--token", "own")
    assert canned.last.headers["Authorization"] == "Bearer own"
    assert len(canned.asked) == 2


def test_where_url_is_the_source_server_is_the_server(run: Program, canned: Canned) -> None:
    arguments = ["cert", "add", "acme", "--env", "test", "--alias", "a", "--url", "https://127.0.0.1:9443"]
    run(*arguments, "--server", canned.url, TRUSTYARD_URL="http://127.0.0.1:9")
    run("--url", canned.url, *arguments, TRUSTYARD_URL="http://127.0.0.1:9")
    assert [asked.body["entries"][0]["source"]["url"] for asked in canned.asked] == ["https://127.0.0.1:9443"] * 2


def test_a_server_below_a_path_is_reached(run: Program, canned: Canned) -> None:
    run("env", "list", TRUSTYARD_URL=canned.url + "/trust/")
    assert canned.last.target.startswith("/trust/api/v1/environments?")


def test_a_list_is_read_to_its_end_and_a_page_is_one_page(run: Program, canned: Canned) -> None:
    canned.answer("GET", "/api/v1/environments", {"items": [ENVIRONMENT], "next": None, "total": 1})
    assert json.loads(run("env", "list", "--json").stdout) == {"items": [ENVIRONMENT], "next": None, "total": 1}
    assert canned.last.target.endswith("?limit=500")
    canned.answer("GET", "/api/v1/environments", {"items": [ENVIRONMENT], "next": "more", "total": 9})
    page = run("env", "list", "--limit", "1", "--cursor", "here", "--json")
    assert json.loads(page.stdout) == {"items": [ENVIRONMENT], "next": "more", "total": 9}
    assert canned.last.target.endswith("?limit=1&cursor=here")
    assert "1 of 9. Go on with --cursor more" in run("env", "list", "--limit", "1").stdout


def test_a_change_sends_the_version_that_was_read(run: Program, canned: Canned) -> None:
    canned.answer("GET", "/api/v1/environments/test", ENVIRONMENT, ETag='"1-3"')
    canned.answer("PATCH", "/api/v1/environments/test", ENVIRONMENT)
    result = run("env", "edit", "test", "--deny", "AA:" * 31 + "AA", "--allow", "b" * 64)
    assert result.exit_code == 0
    assert canned.last.headers["If-Match"] == '"1-3"'
    assert canned.last.body == {"deny_list": ["a" * 64]}


def test_a_stale_version_is_an_error_and_is_not_tried_again(run: Program, canned: Canned) -> None:
    canned.answer("GET", "/api/v1/environments/test", ENVIRONMENT, ETag='"1-3"')
    canned.answer("PATCH", "/api/v1/environments/test", {"detail": "Somebody was quicker."}, status=412)
    result = run("env", "edit", "test", "--description", "x")
    assert result.exit_code == 1
    assert "Somebody was quicker." in result.stderr
    assert "Nothing was changed." in result.stderr
    assert [asked.method for asked in canned.asked] == ["GET", "PATCH"]


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", r'"\ud800"'])
def test_what_json_has_no_form_for_is_a_sentence_and_is_not_sent(
    run: Program, canned: Canned, tmp_path: Path, value: str
) -> None:
    (tmp_path / "k.json").write_text(f'{{"kty": {value}}}')
    for line in (
        ("gateway", "add", "test", "edge", "--kind", "x", "--option", f"n={value}"),
        (
            *("jwk", "add", "sign", "--env", "test", "--file"),
            str(tmp_path / "k.json"),
        ),
    ):
        result = run(*line)
        assert (result.exit_code, result.stderr) == (1, f"Error: {rest.NO_JSON}\n")
    assert not canned.asked


def test_an_error_says_the_sentence_and_each_field_on_standard_error_alone(run: Program, canned: Canned) -> None:
    problem = {
        "detail": "Two things are wrong.",
        "errors": [{"field": "name", "message": "It is taken."}, {"field": "", "message": "It is late."}],
    }
    canned.answer("POST", "/api/v1/environments", problem, status=422)
    result = run("env", "add", "x", "--type", "test", "--json")
    assert result.exit_code == 1
    assert result.stderr == "Error: Two things are wrong.\n  name: It is taken.\n  It is late.\n"
    assert not result.stdout
    problem = {"detail": "name: It is taken. Take another.", "errors": [{"field": "name", "message": "It is taken."}]}
    canned.answer("POST", "/api/v1/environments", problem, status=409)
    assert run("env", "add", "x", "--type", "test").stderr == "Error: name: It is taken. Take another.\n"


def test_no_token_says_how_to_get_one(run: Program, canned: Canned) -> None:
    canned.answer("GET", "/api/v1/environments", {"detail": "Sign in first."}, status=401)
    result = run("env", "list", TRUSTYARD_TOKEN=None)
    assert result.exit_code == 1
    assert "trustyard token create" in result.stderr
    assert "Authorization" not in canned.last.headers


def test_nobody_there_is_one_sentence_with_advice(run: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = run("env", "list", TRUSTYARD_URL=f"http://127.0.0.1:{port}")
    assert result.exit_code == 1
    assert f"No Trustyard server answers at http://127.0.0.1:{port}: " in result.stderr
    assert "trustyard serve" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("status", [200, 404, 502])
def test_a_web_page_is_not_taken_for_an_answer(run: Program, canned: Canned, status: int) -> None:
    canned.answer("GET", "/api/v1/environments", b"<html>", status=status, Content_Type="text/html")
    result = run("env", "list")
    assert result.exit_code == 1
    assert f"answered {status} with text/html instead of JSON" in result.stderr


@pytest.mark.parametrize("said", [b'"text"', b"[]", b'{"items": 3}'])
def test_json_of_another_shape_is_not_taken_for_a_list(run: Program, canned: Canned, said: bytes) -> None:
    canned.answer("GET", "/api/v1/environments", said)
    result = run("env", "list")
    assert result.exit_code == 1
    assert "is no list" in result.stderr


def test_a_redirect_is_named_and_the_token_does_not_follow_it(run: Program, canned: Canned) -> None:
    canned.answer("GET", "/api/v1/environments", b"", status=301, Location="https://elsewhere.example/")
    result = run("env", "list")
    assert result.exit_code == 1
    assert "sends us on to https://elsewhere.example/" in result.stderr
    assert len(canned.asked) == 1


def test_something_that_speaks_no_http_is_named(run: Program) -> None:
    with talker(b"220 mail.example ESMTP\r\n") as url:
        result = run("env", "list", TRUSTYARD_URL=url)
    assert result.exit_code == 1
    assert f"The conversation with {url} broke off" in result.stderr
    assert ".." not in result.stderr
    assert "Is this a Trustyard server" in result.stderr
    assert "Whether a change was made" not in result.stderr, "it only reads"
    with talker(b"\r\n") as url:
        change = run("env", "add", "x", TRUSTYARD_URL=url)
    assert change.exit_code == 1
    assert "Whether a change was made is not known" in change.stderr


def test_a_server_that_never_answers_is_left_at_a_deadline(run: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "ANSWER_SECONDS", 0.2)
    with talker(b"") as url:
        result = run("env", "list", TRUSTYARD_URL=url)
    assert result.exit_code == 1
    assert f"{url} took the request and did not answer in time." in result.stderr


def test_an_untrusted_tls_certificate_is_refused_and_ssl_cert_file_names_its_issuer(
    run: Program, tmp_path: Path
) -> None:
    ca = Ca.new("Client Test CA")
    authority, folder = tmp_path / "ca.pem", tmp_path / "cas"
    authority.write_bytes(ca.cert_pem)
    folder.mkdir()
    subject = subprocess.run(
        ["openssl", "x509", "-in", authority, "-noout", "-subject_hash"], capture_output=True, text=True, check=True
    )
    (folder / f"{subject.stdout.strip()}.0").write_bytes(ca.cert_pem)
    other = tmp_path / "other.pem"
    other.write_bytes(Ca.new("Another CA").cert_pem)
    with TlsServer(ca.issue("localhost", dns=["localhost"], ip=["127.0.0.1"])) as server:
        for url in (f"https://localhost:{server.port}", f"https://127.0.0.1:{server.port}"):
            for untrusted in ({}, {"SSL_CERT_FILE": str(other)}):
                result = run("env", "list", TRUSTYARD_URL=url, **untrusted)
                assert result.exit_code == 1
                assert f"The TLS certificate of {url} is not trusted" in result.stderr
                assert "SSL_CERT_FILE" in result.stderr
            for trusted in (
                {"SSL_CERT_FILE": str(authority)},
                {"SSL_CERT_DIR": str(folder)},
                {"SSL_CERT_FILE": str(other), "SSL_CERT_DIR": str(folder)},
            ):
                result = run("env", "list", TRUSTYARD_URL=url, **trusted)
                assert "is not trusted" not in result.stderr
                assert "instead of JSON" in result.stderr, "it is somebody else, and trusted"


@pytest.mark.parametrize(
    ("names", "begins", "why", "advice"),
    [
        ({"dns": ["trust.example"]}, -1, "mismatch, certificate is not valid for", "It is for another name"),
        ({"ip": ["127.0.0.1"]}, -30, "certificate has expired", "Look at its dates"),
        ({"ip": ["127.0.0.1"]}, 1, "certificate is not yet valid", "Look at its dates"),
    ],
)
def test_a_certificate_of_a_known_issuer_is_refused_with_advice_of_its_own(
    run: Program, tmp_path: Path, names: dict[str, list[str]], begins: int, why: str, advice: str
) -> None:
    """No file in SSL_CERT_FILE would help."""
    ca, authority = Ca.new("Client Test CA"), tmp_path / "ca.pem"
    authority.write_bytes(ca.cert_pem)
    start = datetime.now(UTC) + timedelta(days=begins)
    with TlsServer(ca.issue("trust.example", start=start, days=29, **names)) as server:
        result = run("env", "list", TRUSTYARD_URL=f"https://127.0.0.1:{server.port}", SSL_CERT_FILE=str(authority))
    assert result.exit_code == 1
    assert why in result.stderr
    assert advice in result.stderr
    assert "SSL_CERT_FILE" not in result.stderr


def test_a_tls_file_that_is_missing_is_named(run: Program, tmp_path: Path) -> None:
    result = run("env", "list", TRUSTYARD_URL="https://trustyard.example", SSL_CERT_FILE=str(tmp_path / "missing.pem"))
    assert result.exit_code == 1
    assert "Traceback" not in result.output


def test_a_server_without_tls_behind_https_is_named(run: Program, canned: Canned) -> None:
    url = canned.url.replace("http:", "https:")
    result = run("env", "list", TRUSTYARD_URL=url)
    assert result.exit_code == 1
    assert f"{url} does not speak TLS as expected" in result.stderr


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/api/v1/"])
def test_an_address_of_the_api_is_answered_with_that_of_the_server(run: Program, canned: Canned, path: str) -> None:
    result = run("env", "list", TRUSTYARD_URL=canned.url + path)
    assert result.exit_code == 2
    assert result.stderr.endswith(f"Give the server's own: {canned.url}\n")
    assert not canned.asked


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(run: Program, canned: Canned) -> None:
    canned.answer("GET", "/api/v1/environments", {"items": [], "next": None, "total": 0})
    result = run("env", "list", HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9")
    assert result.exit_code == 0


def test_a_proxy_that_does_not_lead_to_the_server_is_named(run: Program, canned: Canned) -> None:
    """One that is not there, and one that does not connect; without the password in its address."""
    address, alone = canned.url.removeprefix("http://"), {"https_proxy": None, "NO_PROXY": None, "no_proxy": None}
    for proxy, why in (("127.0.0.1:1", "refused"), (address, "501")):
        result = run(
            "env", "list", TRUSTYARD_URL="https://trust.example", **alone, HTTPS_PROXY=f"http://me:secret@{proxy}"
        )
        assert result.exit_code == 1
        assert f"No Trustyard server answers at https://trust.example through the proxy {proxy}: " in result.stderr
        assert why in result.stderr
        assert "NO_PROXY" in result.stderr
        assert "secret" not in result.stderr


def test_client_commands_load_no_django() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from trustyard.cli import app\n"
        "CliRunner().invoke(app, ['env', 'list', '--url', 'http://127.0.0.1:9'])\n"
        "sys.exit(', '.join(m for m in ('django', 'ninja', 'cryptography', 'grpc') if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_fault_of_the_server_is_shown_with_the_id_to_look_for_in_its_log(run: Program, canned: Canned) -> None:
    fault = {"detail": "Something went wrong here.", "status": 500, "request_id": "5f0c7a7d"}
    canned.answer("GET", "/api/v1/environments", fault, status=500)
    assert "Request ID: 5f0c7a7d" in run("env", "list").stderr
    refused = {"detail": "Not with this role.", "status": 403, "request_id": "5f0c7a7d"}
    canned.answer("GET", "/api/v1/environments", refused, status=403)
    assert "5f0c7a7d" not in run("env", "list").stderr


def test_the_audit_is_asked_for_what_one_request_did(run: Program, canned: Canned) -> None:
    canned.answer("GET", "/api/v1/audit", {"items": [], "next": None, "total": 0})
    run("audit", "list", "--request-id", "edge/7f3a:42")
    assert "request_id=edge%2F7f3a%3A42" in canned.last.target
