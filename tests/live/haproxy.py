"""A real HAProxy: mutual TLS in front of a fixed answer, with the Runtime API that facts ask for."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

from tests.authority import Authority
from tests.live.envoy import eventually, request
from tests.programs import free_port, need

_CONFIG = """\
global
  stats socket {folder}/admin.sock mode 600 level admin expose-fd listeners
  stats socket ipv4@127.0.0.1:{admin} level admin
  stats timeout 60s
  tune.bufsize {bufsize}
  tune.ssl.cachesize 0
  ssl-default-bind-options no-tls-tickets
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend mtls
  bind 127.0.0.1:{port} ssl crt {folder}/server.pem ca-file {folder}/clients.pem verify {verify}
  http-request return status 200 content-type text/plain string ok
"""


class HAProxy:
    """One process; `clients.pem` of its folder holds an authority that nobody belongs to."""

    def __init__(self, folder: Path, *, bufsize: int = 262_144, verify: str = "required") -> None:
        self.folder = folder
        self.port, self.admin = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None
        cert, key = Authority("server").issue("server").written(folder)
        (folder / "server.pem").write_text(Path(cert).read_text() + Path(key).read_text())
        self.ca_file = folder / "clients.pem"
        self.ca_file.write_text(Authority("nobody").pem)
        self.socket = folder / "admin.sock"
        config = _CONFIG.format(folder=folder, admin=self.admin, port=self.port, bufsize=bufsize, verify=verify)
        (folder / "haproxy.cfg").write_text(config)

    def __enter__(self) -> HAProxy:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> HAProxy:
        """Starts it and waits until it answers handshakes."""
        program = need("haproxy", package="haproxy")
        with (self.folder / "haproxy.log").open("ab") as log:
            command = [program, "-db", "-f", str(self.folder / "haproxy.cfg")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(self._answers, why="HAProxy does not listen")
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "haproxy.log").read_text()
        try:
            request(self.port)
        except ConnectionRefusedError:
            return False
        return True

    def stop(self) -> None:
        """Ends it; its socket stays behind, as it does when HAProxy crashes."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
            self.process = None

    def said(self, command: str) -> str:
        """The answer to a command that somebody else gives over the Runtime API."""
        with socket.socket(socket.AF_UNIX) as other:
            other.connect(str(self.socket))
            other.sendall(f"{command}\n".encode())
            other.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: other.recv(65536), b"")).decode()

    @property
    def options(self) -> dict[str, str]:
        """The options of a gateway that is this HAProxy."""
        return {"socket": str(self.socket), "ca_file": str(self.ca_file)}
