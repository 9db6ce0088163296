"""A real nginx: mutual TLS in front of a fixed answer, in a folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.authority import Authority
from tests.live.envoy import eventually, request
from tests.programs import free_port, need

_CONFIG = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
worker_processes 2;
events {{ worker_connections 512; }}
http {{
  access_log off;
  {temporary}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {cert};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_ticket_key {folder}/ticket.key;  # so that a session outlives a reload
    ssl_client_certificate {folder}/clients.pem;
    ssl_verify_client {verify};
    ssl_verify_depth 4;
    location / {{ return 200 "ok"; }}
  }}
}}
"""


def temporary(folder: Path) -> str:
    """Directives of its `http`: where it puts what it has no room for; else it wants folders of the system."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)


def command(folder: Path) -> list[str]:
    """What starts it in the foreground, where `nginx.conf` of the folder says `daemon off`."""
    program = need("nginx", package="nginx-light")
    return [program, "-p", str(folder), "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]


class Nginx:
    """One master process and its workers; `clients.pem` of its folder holds an authority that nobody belongs to."""

    def __init__(self, folder: Path, *, verify: str = "on") -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        cert, key = Authority("server").issue("server").written(folder)
        self.ca_file = folder / "clients.pem"
        self.ca_file.write_text(Authority("nobody").pem)
        (folder / "ticket.key").write_bytes(os.urandom(80))
        self.config = folder / "nginx.conf"
        given = {"folder": folder, "temporary": temporary(folder), "port": self.port, "verify": verify}
        self.config.write_text(_CONFIG.format(cert=cert, key=key, **given))

    def __enter__(self) -> Nginx:
        self.process = subprocess.Popen(command(self.folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._answers, why="nginx does not listen")
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "error.log").read_text()
        try:
            request(self.port)
        except ConnectionRefusedError:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
            self.process = None

    def reload(self) -> None:
        """SIGHUP to the master."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)
