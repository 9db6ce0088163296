"""A real HAProxy as load balancer before nodes of Trustyard: HTTP request by request, xDS to the first that lives."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from tests.live.envoy import eventually
from tests.programs import free_port, need

_CONFIG = """\
defaults
  mode http
  timeout connect 2s
  timeout client 90s
  timeout server 90s
  option redispatch
  retries 3
frontend http
  bind 127.0.0.1:{http}
  default_backend nodes
backend nodes
  balance roundrobin
  option httpchk GET /readyz
  {nodes}
frontend xds
  mode tcp
  bind 127.0.0.1:{xds}
  default_backend streams
backend streams
  mode tcp
  balance first
  {streams}
"""
CHECK = "check inter 200ms fall 2 rise 1"


class Balancer:
    """Before nodes at these ports of loopback: (HTTP, xDS) of each."""

    def __init__(self, folder: Path, nodes: list[tuple[int, int]]) -> None:
        self.http, self.xds = free_port(), free_port()
        self._file, self._log = folder / "balancer.cfg", folder / "balancer.log"
        lines = {
            "nodes": [f"server n{n} 127.0.0.1:{web} {CHECK}" for n, (web, _) in enumerate(nodes)],
            "streams": [f"server n{n} 127.0.0.1:{xds} id {n + 1} {CHECK}" for n, (_, xds) in enumerate(nodes)],
        }
        joined = {name: "\n  ".join(each) for name, each in lines.items()}
        self._file.write_text(_CONFIG.format(http=self.http, xds=self.xds, **joined))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    def __enter__(self) -> Balancer:
        program = need("haproxy", package="haproxy")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([program, "-db", "-f", str(self._file)], stdout=log, stderr=log)
        eventually(self._listens, why="HAProxy does not listen")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _listens(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.xds)) == 0
