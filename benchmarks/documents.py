"""Published documents: requests per second of our one process beside nginx with one worker, both asked by wrk in turns.

nginx serves the same bytes from a file, as docs/published.md configures it, without an access log.
"""

from __future__ import annotations

import contextlib
import shutil
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
from made import certificates
from processes import cpu_seconds
from stage import Stage
from table import Row

from tests.live.nginx import command, temporary
from tests.programs import find, free_port, running
from trustyard.pki.certificates import pem

ROUNDS, SECONDS, CONNECTIONS = 3, 3, 32
DOCUMENTS = {"jwks.json": "JWK Set", "used.pem": "truststore", "truststore.pem": "truststore with Mozilla's roots"}
CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 100000000;
  {temporary}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      alias {folder}/served/;
      types {{ application/jwk-set+json json; application/x-pem-file pem; }}
      add_header Cache-Control "public, max-age=300";
      add_header X-Content-Type-Options nosniff;
    }}
  }}
}}
"""


def rows(stage: Stage) -> Iterator[Row]:
    """Two rows for each document: its rate, and the processor time of each answer, which others disturb less."""
    _publish(stage.rest)
    ours = f"{stage.ours.url}/published/public"
    with _nginx(stage.folder / "nginx", ours) as (url, pid):
        for name, what in DOCUMENTS.items():
            size = len(httpx.get(f"{ours}/{name}", trust_env=False).content)
            mine, theirs = [], []
            for _ in range(ROUNDS):
                mine.append(_asked(f"{ours}/{name}", stage.ours.process.pid))
                theirs.append(_asked(f"{url}/{name}", pid))
            rates = [statistics.median(each[0] for each in rounds) for rounds in (mine, theirs)]
            cpu = [statistics.median(each[1] for each in rounds) for rounds in (mine, theirs)]
            yield Row(f"{what}, {size / 1000:.1f} kB", "/s", *rates, "nginx", goal=0.25)
            yield Row(f"{what}: CPU of each", "µs", *cpu, "nginx", less_is_better=True)


def _publish(rest: httpx.Client) -> None:
    given = {"name": "public", "type": "test", "root_set": "mozilla", "publish_truststore": True}
    rest.post("/environments", json=given).raise_for_status()
    for number, der in enumerate(certificates(3)):
        name = f"public-{number}"
        source = {"kind": "paste", "encoding": "BASE64PEM", "content": pem(der)}
        entry = {"environment": "public", "alias": name, "source": source}
        rest.post("/certificates", json={"name": name, "entries": [entry]}).raise_for_status()
        key = {"kind": "certificate", "certificate": name, "environment": "public"}
        rest.post("/jwks?wait=0", json={"name": name, "source": key, "use": "sig", "deploy": True}).raise_for_status()


@contextlib.contextmanager
def _nginx(folder: Path, ours: str) -> Iterator[tuple[str, int]]:
    """Its address and its master's process."""
    served = folder / "served"
    served.mkdir(parents=True)
    for name in DOCUMENTS:
        (served / name).write_bytes(httpx.get(f"{ours}/{name}", trust_env=False).raise_for_status().content)
    for place in (folder.parent, folder, served):
        place.chmod(0o755)  # its worker is nobody in particular
    port = free_port()
    (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, temporary=temporary(folder), port=port))
    with running(command(folder), port) as process:
        yield f"http://127.0.0.1:{port}", process.pid


def _asked(url: str, pid: int) -> tuple[float, float]:
    """Requests per second, and microseconds of processor time for each."""
    asking = [_program("wrk"), "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{SECONDS}s", url]
    httpx.get(url, trust_env=False).raise_for_status()
    before = cpu_seconds(pid)
    said = subprocess.run(asking, capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(pid) - before
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(said)
    count = int(said.partition(" requests in ")[0].split()[-1])
    return float(said.partition("Requests/sec:")[2].split()[0]), used / count * 1_000_000


def _program(name: str) -> str:
    return find(name) or shutil.which(name) or name
