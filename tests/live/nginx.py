"""A real nginx: mutual TLS in front of a fixed answer, in a folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.authority import Authority
from tests.live.envoy import eventually, free_port, request
from tests.programs import need

_CONFIG = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
worker_processes 2;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
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
        self.config.write_text(_CONFIG.format(folder=folder, port=self.port, cert=cert, key=key, verify=verify))

    def __enter__(self) -> Nginx:
        program = need("nginx", package="nginx-light")
        command = [program, "-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c", str(self.config)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
