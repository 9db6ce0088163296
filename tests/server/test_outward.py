"""One person or token, however many servers they look at that never answer, leaves the others room to look."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.tls_servers import Ca, TlsServer
from trustyard.actions.outward import EACH
from trustyard.server.bridge import FETCHING_THREADS

from .serving import Serving, eventually, token_for


class Silent:
    """A server that takes every connection and says nothing until it is closed."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._listening.getsockname()[1]}"

    def _take(self) -> None:
        while True:
            try:
                taken, _ = self._listening.accept()
            except OSError:
                return
            self.taken.append(taken)

    def close(self) -> None:
        self._listening.close()
        for one in self.taken:
            one.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    server = Silent()
    yield server
    server.close()


def look(server: Serving, token: str, url: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    address = f"{server.url}/api/v1/certificates/inspect"
    with httpx.Client(trust_env=False, timeout=30, headers=headers) as client:
        return client.post(address, json={"kind": "connection", "url": url})


def test_who_fills_their_share_with_servers_that_never_answer_is_told_so_and_others_look_on(
    server: Serving, silent: Silent
) -> None:
    many, other = token_for(server.data_dir, "operator"), token_for(server.data_dir, "operator")
    partner = Ca.new("Outward Test CA").issue("partner.test", ip=["127.0.0.1"])
    with ThreadPoolExecutor(2 * FETCHING_THREADS) as threads, TlsServer(partner) as quick:
        asked = [threads.submit(look, server, many, silent.url) for _ in range(2 * FETCHING_THREADS)]
        eventually(lambda: sum(one.done() for one in asked) == 2 * FETCHING_THREADS - EACH)
        began = time.monotonic()
        assert look(server, other, quick.url).json()["certificates"][0]["sha256"] == partner.sha256
        assert time.monotonic() - began < 4, "nobody's patience ran out for this"
        refused = [one.result() for one in asked if one.done()]
        assert {(one.status_code, one.json()["type"], one.headers["Retry-After"]) for one in refused} == {
            (503, "/problems/busy", "2")
        }
        assert f"has {EACH} requests under way that wait for other servers" in refused[0].json()["detail"]
        assert len(silent.taken) == EACH
        silent.close()
        waited = [one.result().json()["type"] for one in asked if one.result() not in refused]
        assert waited == EACH * ["/problems/source-unreachable"]
        assert look(server, many, quick.url).status_code == 200, "and the share is theirs again"
