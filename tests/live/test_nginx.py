"""What nginx does with a CA file that is replaced (facts on gateways, section 3): why it is checked, then reloaded."""

from __future__ import annotations

import http.client
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.authority import Authority, Issued
from tests.live.envoy import client_context, eventually, request
from tests.live.nginx import Nginx
from tests.programs import need

A, B = Authority("Partner A"), Authority("Partner B")
NOT_ADMITTED = 400  # nginx ends the handshake well and tells a stranger afterwards


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    server = Nginx(tmp_path)
    server.ca_file.write_text(A.pem)
    with server:
        yield server


def replaced(nginx: Nginx, pem: str) -> None:
    """By rename, as releases are."""
    new = nginx.ca_file.with_suffix(".new")
    new.write_text(pem)
    new.rename(nginx.ca_file)


def log(nginx: Nginx) -> str:
    return (nginx.folder / "error.log").read_text()


def passes(nginx: Nginx) -> bool:
    """Whether `nginx -t` finds nothing wrong."""
    program = need("nginx", package="nginx-light")
    command = [program, "-t", "-p", str(nginx.folder), "-e", str(nginx.folder / "test.log"), "-c", str(nginx.config)]
    return subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0


def answers(nginx: Nginx, *clients: Issued) -> list[int | str]:
    return [request(nginx.port, client.written(nginx.folder)) for client in clients]


@pytest.mark.parametrize(
    "content",
    ["", "no certificate\n", B.pem + B.pem.replace("MII", "MIX", 1), B.pem[:300]],
    ids=["empty", "junk", "one of two broken", "cut off"],
)
def test_a_file_that_is_no_truststore_fails_the_check_and_a_reload_changes_nothing(nginx: Nginx, content: str) -> None:
    at_a, at_b = A.issue("client a"), B.issue("client b")
    assert passes(nginx)
    replaced(nginx, content)
    assert not passes(nginx)
    assert "[emerg]" not in log(nginx)
    nginx.reload()
    eventually(lambda: "[emerg]" in log(nginx), why="nginx does not say that it ignores the reload")
    assert answers(nginx, at_a, at_b) == [200, NOT_ADMITTED]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def test_a_client_of_a_removed_ca_is_refused_after_the_reload_on_a_resumed_session_too(
    nginx: Nginx, version: ssl.TLSVersion
) -> None:
    context = client_context(A.issue("client a").written(nginx.folder), tls=version)
    status, session, _ = visit(nginx, context)
    assert status == 200
    replaced(nginx, B.pem)
    status, session, resumed = visit(nginx, context, session)
    assert (status, resumed) == (200, True), "nothing was reloaded yet"
    nginx.reload()
    eventually(lambda: log(nginx).count("exited with code 0") == 2, why="the old workers go on")
    assert visit(nginx, context)[0] == NOT_ADMITTED
    assert {visit(nginx, context, session)[0] for _ in range(4)} == {NOT_ADMITTED}
    assert answers(nginx, B.issue("client b")) == [200]


def test_a_stranger_is_told_so_after_a_handshake_that_seemed_to_succeed(nginx: Nginx) -> None:
    """Why a probe looks at the HTTP status."""
    stranger = client_context(B.issue("client b").written(nginx.folder), tls=ssl.TLSVersion.TLSv1_2)
    with connection(nginx, stranger) as open_connection:
        assert open_connection.version() == "TLSv1.2"  # in which the server judges before the handshake ends
        assert asked(open_connection) == NOT_ADMITTED


def test_a_bad_file_that_is_left_behind_keeps_nginx_from_starting_again(nginx: Nginx) -> None:
    """Why a release that fails the check is rolled back."""
    replaced(nginx, "no certificate\n")
    nginx.reload()
    eventually(lambda: "[emerg]" in log(nginx))
    assert nginx.process is not None
    nginx.process.send_signal(signal.SIGTERM)
    nginx.process.wait(10)
    with pytest.raises(AssertionError, match="emerg"):
        nginx.__enter__()


def connection(nginx: Nginx, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    return context.wrap_socket(socket.create_connection(("127.0.0.1", nginx.port), 5), session=session)


def asked(open_connection: ssl.SSLSocket) -> int:
    """The status of one request; its whole answer is read, for a ticket may come with it."""
    open_connection.sendall(b"GET / HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
    answer = http.client.HTTPResponse(open_connection)
    answer.begin()
    answer.read()
    return answer.status


def visit(
    nginx: Nginx, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[int, ssl.SSLSession | None, bool]:
    """The status, the session that came with it, and whether the one given was resumed."""
    with connection(nginx, context, session) as open_connection:
        return asked(open_connection), open_connection.session, bool(open_connection.session_reused)
