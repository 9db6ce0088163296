"""The server's own certificate: a renewed one is served from the next handshake on, without a restart."""

from __future__ import annotations

import itertools
import os
import socket
import ssl
from pathlib import Path

from structlog.testing import capture_logs

from tests.tls_servers import Ca, Issued
from tests.xds.memory import ControlPlane

CA = Ca.new("xDS Test CA")
FIRST, SECOND = (CA.issue("localhost", ip=["127.0.0.1"]) for _ in range(2))


def served(plane: ControlPlane) -> bytes:
    """DER of the certificate that the server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", plane.port), timeout=10) as plain,
        context.wrap_socket(plain) as connection,
    ):
        return connection.getpeercert(binary_form=True) or b""


_times = itertools.count(1)


def put(file: Path, content: bytes) -> None:
    """Writes it at a time of its own: a clock that ticks every few milliseconds may not tell two apart."""
    file.write_bytes(content)
    os.utime(file, (at := next(_times), at))


def renew(issued: Issued, cert: Path, key: Path) -> None:
    put(cert, issued.cert_pem)
    put(key, issued.key_pem)


def test_a_renewed_certificate_is_served_and_until_both_files_fit_the_one_before(tmp_path: Path) -> None:
    files = FIRST.write(tmp_path)
    with ControlPlane(tls=files) as plane, capture_logs() as lines:
        assert served(plane) == FIRST.cert_der
        put(files[0], SECOND.cert_pem)
        assert [served(plane) for _ in range(3)] == 3 * [FIRST.cert_der]
        files[1].unlink()
        assert [served(plane) for _ in range(3)] == 3 * [FIRST.cert_der]
        renew(SECOND, *files)
        assert served(plane) == SECOND.cert_der
        renew(FIRST, *files)
        assert served(plane) == FIRST.cert_der
    assert [line["error"] for line in lines if line["event"] == "xds.certificate_unreadable"] == [
        "The xDS certificate and key do not load: the key belongs to another certificate.",
        "The xDS certificate or key cannot be read: No such file or directory.",
    ], "not a line for each who comes"
