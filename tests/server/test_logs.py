"""What a person reads on a terminal, where nothing secret may stand either."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

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
