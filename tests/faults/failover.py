"""The drill: two nodes behind the nginx of docs/nodes.md, under load of reads and saves; one of them is killed."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.authority import Authority
from tests.live.envoy import eventually
from tests.live.nginx import command, temporary
from tests.programs import ROOT, free_port, running
from tests.server.nodes import Nodes
from tests.server.serving import Serving

CLIENTS = 3  # that read, and as many that save


@dataclass
class Figures:
    """What the drill has seen; `longest` is for how many seconds one client was refused."""

    requests: int = 0
    refused: int = 0
    longest: float = 0.0
    saved: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)

    @property
    def lost(self) -> set[str]:
        return self.saved - self.found


class Load:
    """Clients that ask at one address without a pause, each after the answer to what it asked before."""

    def __init__(self, url: str, token: str) -> None:
        self.figures = Figures()
        self._url, self._headers = url, {"Authorization": f"Bearer {token}"}
        self._pem = Authority("Saved CA").pem
        self._lock, self._ending = threading.Lock(), threading.Event()
        work = [(number, saves) for number in range(CLIENTS) for saves in (True, False)]
        self._threads = [threading.Thread(target=self._ask, args=one) for one in work]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(60)

    def more(self, saves: int) -> None:
        """Returns when so many more saves were answered."""
        wanted = len(self.figures.saved) + saves
        eventually(lambda: len(self.figures.saved) >= wanted, seconds=180)

    def _ask(self, client: int, saves: bool) -> None:
        count, since = 0, 0.0  # when the first of the requests began that were refused since the last good answer
        with httpx.Client(base_url=self._url, headers=self._headers, trust_env=False, timeout=60) as http:
            while not self._ending.is_set():
                count, began = count + 1, time.monotonic()
                good = self._save(http, f"saved-{client}-{count}") if saves else self._read(http)
                since = since if since or good else began
                with self._lock:
                    self.figures.requests += 1
                    self.figures.refused += not good
                    self.figures.longest = max(self.figures.longest, time.monotonic() - since if since else 0.0)
                since = 0.0 if good else since

    def _read(self, http: httpx.Client) -> bool:
        try:
            return http.get("/api/v1/environments").status_code == 200
        except httpx.TransportError:
            return False

    def _save(self, http: httpx.Client, name: str) -> bool:
        source = {"kind": "paste", "encoding": "BASE64PEM", "content": self._pem}
        body = {"name": name, "entries": [{"environment": "test", "alias": name, "source": source}]}
        try:
            good = http.post("/api/v1/certificates", json=body).status_code == 201
        except httpx.TransportError:
            return False
        if good:
            with self._lock:
                self.figures.saved.add(name)
        return good


@contextmanager
def nginx(folder: Path, servers: list[Serving]) -> Iterator[str]:
    """The configuration of docs/nodes.md before these servers, without TLS; its address."""
    page = (ROOT / "docs" / "nodes.md").read_text("utf-8")
    (text,) = (block for block in re.findall(r"```nginx\n(.*?)```", page, re.DOTALL) if "upstream trustyard" in block)
    text = text.partition("stream {")[0]
    port = free_port()
    for number, server in enumerate(servers, start=11):
        text = text.replace(f"10.0.0.{number}:8400", urlsplit(server.url).netloc)
    text = re.sub(r" *ssl_certificate.*\n", "", text.replace("listen 443 ssl", f"listen 127.0.0.1:{port}"))
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/nginx.pid; events {{}}\nhttp {{ access_log off; {temporary(folder)}\n{text}\n}}\n"
    )
    with running(command(folder), port):
        yield f"http://127.0.0.1:{port}"


def drill(folder: Path, saves: int, **settings: str) -> Figures:
    """Kills one of two nodes after so many saves under load, and goes on for as many."""
    with Nodes(folder, TRUSTED_PROXIES="127.0.0.0/8", **settings) as nodes:
        a = nodes.start("a")
        assert a.token
        b = nodes.start("b")
        with nginx(folder, [a, b]) as url, Load(url, a.token) as load:
            load.more(saves)
            a.kill()
            load.more(saves)
        with b.client() as client:
            for name in load.figures.saved:
                if client.get(f"/api/v1/certificates/{name}").status_code == 200:
                    load.figures.found.add(name)
        return load.figures
