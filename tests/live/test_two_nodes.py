"""Two real servers on one PostgreSQL, with a real Envoy and a real agent that may be connected to either."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.authority import Authority
from tests.faults.story import add, deploy, releases, said
from tests.live.agents import Agent, Place
from tests.live.balancer import Balancer
from tests.live.envoy import Envoy, eventually, request
from tests.live.stage import Stage
from tests.programs import free_port
from tests.server.nodes import Nodes, gateway_nodes
from tests.server.serving import Serving

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(240)]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    with Nodes(tmp_path) as nodes:
        yield nodes


def ports() -> tuple[int, int]:
    return free_port(), free_port()


def start(nodes: Nodes, name: str, at: tuple[int, int], **settings: str) -> Serving:
    return nodes.start(name, LISTEN=f"127.0.0.1:{at[0]}", XDS_LISTEN=f"127.0.0.1:{at[1]}", **settings)


def bootstrap(server: Serving, stage: Stage, folder: Path) -> str:
    cert, key = stage.own.written(folder)
    wanted = {"listen": f"127.0.0.1:{free_port()}", "cert": cert, "key": key}
    with server.client() as client:
        return client.get("/api/v1/environments/test/gateways/edge/bootstrap", params=wanted).text


def edges(server: Serving) -> dict[str, bool]:
    with server.client() as client:
        return gateway_nodes(client, "test", "edge")


def rows(server: Serving) -> list[dict[str, Any]]:
    """Every receipt of the gateway `edge` for the newest release."""
    return [row for row in releases(server)[0]["gateways"] if row["gateway"] == "edge"]


def test_an_envoy_at_one_node_takes_what_is_saved_at_the_other_and_goes_on_there_when_its_node_dies(
    nodes: Nodes, tmp_path: Path
) -> None:
    stage = Stage(tmp_path)
    at_a, at_b = ports(), ports()
    with Balancer(tmp_path, [at_a, at_b]) as balancer:
        public = {"XDS_URL": f"http://127.0.0.1:{balancer.xds}"}
        a = start(nodes, "a", at_a, **public)
        add(a, "envoy", {})
        with Envoy(bootstrap(a, stage, tmp_path), tmp_path, node="edge-1") as envoy:
            port = envoy.port()
            eventually(lambda: edges(a) == {"edge-1": True}, seconds=30)
            # 1. A node that starts takes nothing away from the one that holds the stream.
            b = start(nodes, "b", at_b, **public)
            assert edges(b) == {"edge-1": True}
            # 2. Saved at B, accepted through A, and B's answer says so.
            assert deploy(b, "partner", stage.partner)["state"] == "accepted"
            assert request(port, stage.partner_cert) == 200
            updates = envoy.stat("sds.used.update_success")
            # 3. A dies; what Envoy reports to B is the same receipt, once.
            a.kill()
            eventually(lambda: "xds.node_connected" in "\n".join(b.log), seconds=30)
            assert deploy(b, "stranger", stage.stranger)["state"] == "accepted"
            assert [row["node"] for row in rows(b)] == ["edge-1"]
            assert edges(b) == {"edge-1": True}
            assert envoy.stat("sds.used.update_success") == updates + 1
            assert request(port, stage.stranger_cert) == request(port, stage.partner_cert) == 200
        # 4. B dies without a word, and Envoy with it: another server finds out when B is not heard of any more.
        b.kill()
    c = nodes.start("c")
    eventually(lambda: edges(c) == {"edge-1": False}, seconds=30)


def test_an_agent_that_asks_another_node_each_time_waits_for_news_and_its_receipts_are_there_once(
    nodes: Nodes, tmp_path: Path
) -> None:
    at = [ports(), ports()]
    with Balancer(tmp_path, at) as balancer:
        a, b = (start(nodes, name, place, PUBLIC_URL=balancer.url) for name, place in zip("ab", at, strict=True))
        place = Place(a)
        with Agent(place, tmp_path):
            eventually(
                lambda: place.rest("GET", f"/environments/{place.name}/gateways/edge").json()["nodes"], seconds=30
            )
            for number, server in enumerate([a, b, a, b]):
                place.server = server
                row = place.trust(f"ca-{number}", Authority(f"CA {number}"))
                assert (row["node"], row["state"]) == ("host-1", "accepted")
            receipts = place.rest("GET", f"/environments/{place.name}/releases").json()["items"]
            assert [[row["node"] for row in release["gateways"]] for release in receipts] == [["host-1"]] * 4
            # Two requests and a receipt for each release: it waited for news at whichever node, and did not go round.
            asked = [requests_of_agents(server) for server in (a, b)]
            assert min(asked) > 0
            assert sum(asked) <= 20


def requests_of_agents(server: Serving) -> float:
    text = httpx.get(f"{server.url}/metrics", trust_env=False, timeout=30).text
    return sum(
        map(float, re.findall(r'^trustyard_http_requests_total\{.*part="agents".*\} (\S+)$', text, re.MULTILINE))
    )


def test_a_worker_does_what_servers_leave_to_it_and_ends_cleanly(nodes: Nodes) -> None:
    a = nodes.start("a", JOBS="off")
    folder = nodes.folder / "roots" / "edge"
    a_files = {"FILES_ROOTS": str(folder.parent)}
    folder.parent.mkdir()
    b = nodes.start("b", JOBS="off", **a_files)
    add(b, "files", {"directory": str(folder)})
    # Nobody works: it is stored, and waits.
    assert deploy(a, "first", Authority("First CA"), wait=0.5)["state"] == "pending"
    worker = nodes.start("w", "worker", **a_files)
    eventually(lambda: said(a)["state"] == "accepted", seconds=30)
    assert deploy(a, "second", Authority("Second CA"))["state"] == "accepted"
    assert worker.terminate() == 0
    assert not [line for line in worker.log if "Traceback" in line]
