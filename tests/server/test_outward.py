"""Neither one person or token nor two, however many servers they look at that never answer, leave others no room."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.tls_servers import Ca, Listener, TlsServer
from trustyard.actions.outward import EACH, SHARED
from trustyard.server.bridge import FETCHING_THREADS

from .serving import Serving, eventually, token_for


class Silent(Listener):
    """It takes every connection and says nothing until it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[socket.socket] = []

    def serve(self, connection: socket.socket) -> None:
        """Counts it."""
        self.taken.append(connection)


def look(server: Serving, token: str, url: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    address = f"{server.url}/api/v1/certificates/inspect"
    with httpx.Client(trust_env=False, verify=False, timeout=30, headers=headers) as client:
        return client.post(address, json={"kind": "connection", "url": url})


def test_who_fills_their_share_with_servers_that_never_answer_is_told_so_and_others_look_on(server: Serving) -> None:
    many, other = token_for(server.data_dir, "operator"), token_for(server.data_dir, "operator")
    partner = Ca.new("Outward Test CA").issue("partner.test", ip=["127.0.0.1"])
    with ThreadPoolExecutor(2 * FETCHING_THREADS) as threads, TlsServer(partner) as quick:
        with Silent() as silent:
            asked = [threads.submit(look, server, many, silent.url) for _ in range(2 * FETCHING_THREADS)]
            eventually(lambda: sum(one.done() for one in asked) == 2 * FETCHING_THREADS - EACH)
            assert look(server, other, quick.url).json()["certificates"][0]["sha256"] == partner.sha256
            refused = [one.result() for one in asked if one.done()]  # nobody's patience ran out for this
            assert {(one.status_code, one.json()["type"], one.headers["Retry-After"]) for one in refused} == {
                (503, "/problems/busy", "2")
            }
            assert f"has {EACH} requests under way that wait for other servers" in refused[0].json()["detail"]
            eventually(lambda: len(silent.taken) == EACH)
        waited = [one.result().json()["type"] for one in asked if one.result() not in refused]
        assert waited == EACH * ["/problems/source-unreachable"]
        assert look(server, many, quick.url).status_code == 200, "and the share is theirs again"


def test_two_who_look_at_servers_that_never_answer_leave_a_third_room_to_look(server: Serving) -> None:
    two, third = [token_for(server.data_dir, "operator") for _ in range(2)], token_for(server.data_dir, "operator")
    partner = Ca.new("Outward Test CA").issue("partner.test", ip=["127.0.0.1"])
    with ThreadPoolExecutor(2 * FETCHING_THREADS) as threads, TlsServer(partner) as quick, Silent() as silent:
        asked = [threads.submit(look, server, two[at % 2], silent.url) for at in range(2 * FETCHING_THREADS)]
        eventually(lambda: sum(one.done() for one in asked) == 2 * FETCHING_THREADS - SHARED)
        assert look(server, third, quick.url).json()["certificates"][0]["sha256"] == partner.sha256
        refused = [one.result() for one in asked if one.done()]  # as above
        assert {(one.status_code, one.json()["type"]) for one in refused} == {(503, "/problems/busy")}
        assert any("the last places are for others" in one.json()["detail"] for one in refused)
        eventually(lambda: len(silent.taken) == SHARED)
