"""One of two nodes is cut off from the database while an Envoy is connected to it: packets vanish, nobody is told."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.authority import Authority
from tests.databases import settings_of
from tests.faults.network import Network
from tests.faults.story import add, deploy, releases
from tests.live.envoy import REFUSED, Envoy, request
from tests.live.stage import Stage
from tests.programs import free_port
from tests.server.nodes import Nodes, gateway_nodes
from tests.server.serving import Serving, eventually

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(300)]
# Ten seconds until packets that nobody confirms end a connection, five for a new one, and as much for a busy machine.
BOUND = 30.0
NOT_CONNECTED = "This node is not connected."


def envoy_at(server: Serving, stage: Stage, folder: Path, node: str) -> Envoy:
    """An Envoy of this name, connected to this server."""
    cert, key = stage.own.written(folder)
    wanted = {"listen": f"127.0.0.1:{free_port()}", "cert": cert, "key": key}
    with server.client() as client:
        text = client.get("/api/v1/environments/test/gateways/edge/bootstrap", params=wanted).text
    return Envoy(text, folder, node=node)


def said(server: Serving) -> dict[str, tuple[str, str]]:
    """What the nodes of the gateway `edge` said of the newest release; each says it once."""
    rows = [row for row in releases(server)[0]["gateways"] if row["gateway"] == "edge"]
    found = {row["node"]: (row["state"], row["detail"]) for row in rows}
    assert len(found) == len(rows)
    return found


def connected(server: Serving) -> dict[str, bool]:
    with server.client() as client:
        return gateway_nodes(client, "test", "edge")


def test_a_node_that_is_cut_off_says_so_its_gateways_keep_their_trust_and_are_not_taken_for_up_to_date(
    tmp_path: Path,
) -> None:
    stage, later = Stage(tmp_path), Authority("Later CA")
    laters_client = later.issue("client").written(tmp_path)
    address = urlsplit(settings_of(tmp_path)["TRUSTYARD_DATABASE_URL"])
    assert address.port
    with Network(address.port) as network, Nodes(tmp_path) as nodes:
        beyond = address._replace(netloc=f"{address.username}@127.0.0.1:{network.port}").geturl()
        b = nodes.start("b")
        add(b, "envoy", {})
        a = nodes.start("a", DATABASE_URL=beyond)
        with envoy_at(a, stage, tmp_path, "edge-a") as at_a, envoy_at(b, stage, tmp_path, "edge-b") as at_b:
            eventually(lambda: connected(b) == {"edge-a": True, "edge-b": True}, 60)
            deploy(a, "partner", stage.partner, wait=60)
            eventually(lambda: {state for state, _ in said(b).values()} == {"accepted"}, 60)
            port = at_a.port()
            published = _published(a).content
            # 1. The node is cut off. Its Envoy keeps what it has; the other node and its Envoy go on.
            network.cut()
            with ThreadPoolExecutor() as pool, a.client() as client:
                began = time.monotonic()
                asked = [pool.submit(client.get, "/api/v1/certificates", timeout=120) for _ in range(4)]
                deploy(b, "later", later, wait=2)
                assert request(at_b.port(), laters_client) == 200
                assert [request(port, one) for one in (stage.partner_cert, laters_client)] == [200, REFUSED]
                _not_ready(a)
                assert _published(a).content == published
                # 2. What it is asked it refuses in words, and in time.
                refused = [one.result() for one in asked]
                took = time.monotonic() - began
            print(f"refused after {took:.1f} s")
            assert took < BOUND
            problems = {(answer.status_code, answer.json()["type"]) for answer in refused}
            assert problems == {(503, "/problems/database-unavailable")}
            # 3. The other node finds out, and claims nothing.
            eventually(lambda: connected(b) == {"edge-a": False, "edge-b": True}, 60)
            assert said(b) == {"edge-a": ("unreachable", NOT_CONNECTED), "edge-b": ("accepted", said(b)["edge-b"][1])}
            assert request(port, stage.partner_cert) == 200
            # 4. It is back: what was missed arrives, and the receipt is there once.
            network.mend()
            eventually(lambda: {state for state, _ in said(b).values()} == {"accepted"}, 60)
            assert [request(port, one) for one in (stage.partner_cert, laters_client)] == [200, 200]
            eventually(lambda: connected(b) == {"edge-a": True, "edge-b": True}, 60)
            eventually(lambda: httpx.get(f"{a.url}/readyz", trust_env=False, timeout=30).status_code == 200, 30)
            deploy(a, "last", Authority("Last CA"), wait=60)
            eventually(lambda: {state for state, _ in said(a).values()} == {"accepted"}, 60)
            assert set(said(a)) == {"edge-a", "edge-b"}


def _published(server: Serving) -> httpx.Response:
    return httpx.get(f"{server.url}/published/test/jwks.json", trust_env=False, timeout=30)


def _not_ready(server: Serving) -> None:
    answer = httpx.get(f"{server.url}/readyz", trust_env=False, timeout=60)
    assert (answer.status_code, answer.json()["detail"]) == (503, "The database cannot be reached.")
    assert httpx.get(f"{server.url}/healthz", trust_env=False, timeout=30).status_code == 200
