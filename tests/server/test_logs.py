"""What a person reads on a terminal, where nothing secret may stand either; and what a program reads."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

from tests.tls_servers import Ca

from .serving import Serving

FAILS = """
import logging.config
import structlog
from trustyard.server.logs import logging_config

logging.config.dictConfig(logging_config())

def save(form):
    raise RuntimeError("it failed")

word = "hush-"
try:
    save({"password": word * 2})  # Python 3.13 shows the lines of a program given so
except RuntimeError:
    structlog.get_logger("trustyard").exception("http.unforeseen")
"""


def test_an_error_on_a_terminal_shows_its_lines_and_no_variables() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", FAILS], stderr=theirs) as process:
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 65_536):
                said += piece
        except OSError:  # how a terminal ends
            pass
        assert process.wait(30) == 0
    os.close(ours)
    assert b"\x1b[" in said, "it was taken for a terminal"
    assert b"RuntimeError: it failed" in said
    assert b"in save" in said
    assert b"hush-hush-" not in said


def test_a_stranger_who_speaks_no_tls_to_xds_leaves_no_line_that_is_no_json(tmp_path: Path) -> None:
    cert, key = Ca.new("xDS Test CA").issue("localhost", ip=["127.0.0.1"]).write(tmp_path)
    with Serving(tmp_path / "data", XDS_CERT=str(cert), XDS_KEY=str(key)) as server:
        (xds,) = [line.removeprefix("xDS: ") for line in server.said if line.startswith("xDS: ")]
        host, _, port = xds.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as one:
            one.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while one.recv(65_536):
                pass
        assert server.terminate() == 0
    assert all(json.loads(line)["event"] for line in server.log)
