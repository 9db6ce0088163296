"""A server on loopback that answers what a test tells it and remembers what it was asked, and the program beside it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typer.testing import Result

from tests.inside import invoke


@dataclass
class Asked:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: Any


@dataclass
class Canned:
    """Answers by method and target without its query; what has no answer is 404 with a problem."""

    url: str = ""
    answers: dict[tuple[str, str], tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    always: bytes | None = None  # JSON that is said to everything, whatever else was told
    asked: list[Asked] = field(default_factory=list)

    def answer(self, method: str, target: str, value: Any = None, *, status: int = 200, **headers: str) -> None:
        """From now on this is said: JSON, or bytes as they are."""
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        usual = "application/octet-stream" if isinstance(value, bytes) else "application/json"
        kind = {"Content-Type": "application/problem+json" if status >= 400 else usual}
        self.answers[method, target] = (status, kind | {k.replace("_", "-"): v for k, v in headers.items()}, data)

    @property
    def last(self) -> Asked:
        return self.asked[-1]


@pytest.fixture
def canned() -> Iterator[Canned]:
    """A server that says what it is told."""
    told = Canned()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told.asked.append(Asked(self.command, self.path, dict(self.headers), json.loads(body) if body else None))
            missing = (404, {"Content-Type": "application/problem+json"}, b'{"detail": "There is nothing here."}')
            status, headers, data = told.answers.get((self.command, self.path.partition("?")[0]), missing)
            if told.always is not None:
                status, headers, data = 200, {"Content-Type": "application/json"}, told.always
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


class Program:
    """`trustyard …` within this process; standard input is no terminal."""

    def __init__(self, url: str) -> None:
        self.environment = {"TRUSTYARD_URL": url, "TRUSTYARD_TOKEN": "secret-token"}

    def __call__(self, *arguments: str, stdin: str | bytes | None = None, **environment: str | None) -> Result:
        return invoke(arguments, stdin, {**self.environment, **environment})


@pytest.fixture
def run(canned: Canned) -> Program:
    """The program, told where the server is and with which token."""
    return Program(canned.url)
