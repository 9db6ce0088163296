"""SIGTERM while everything is under way: saves, requests that wait, streams, an agent, and a gateway that hangs."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.authority import Authority
from tests.faults.savers import Savers
from tests.faults.story import add, deploy, post, releases, said
from tests.faults.test_server import asleep
from tests.live.agents import Agent, Place
from tests.live.envoy import Envoy
from tests.live.stage import Stage
from tests.programs import free_port
from tests.server.nodes import Nodes
from tests.server.serving import Serving, eventually

pytestmark = pytest.mark.timeout(240)
BOUND = 10.0  # seconds from SIGTERM to the end of the process
WAITING = 3


@contextmanager
def deaf_gateway(serving: Serving, folder: Path) -> Iterator[None]:
    """Adds what looks like a HAProxy, takes connections and never answers: deliveries to it are under way for long."""
    path = folder / "deaf.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        add(serving, "haproxy", {"socket": str(path), "ca_file": str(folder / "deaf.pem")}, "deaf")
        yield


def ended_in_time(process: Serving) -> None:
    began = time.monotonic()
    assert process.terminate() == 0
    took = time.monotonic() - began
    print(f"ended after {took:.1f} s")
    assert took < BOUND
    assert not [line for line in process.log if "Traceback" in line and '"level": "error"' in line]


def test_sigterm_ends_a_server_in_time_and_whoever_waits_is_answered(tmp_path: Path) -> None:
    stage, settings = Stage(tmp_path), {"FILES_ROOTS": str(tmp_path)}
    with Serving(tmp_path / "data", **settings) as serving, deaf_gateway(serving, tmp_path):
        add(serving, "envoy", {})
        cert, key = stage.own.written(tmp_path)
        wanted = {"listen": f"127.0.0.1:{free_port()}", "cert": cert, "key": key}
        with serving.client() as client:
            config = client.get("/api/v1/environments/test/gateways/edge/bootstrap", params=wanted).text
        place = Place(serving)
        with Envoy(config, tmp_path) as envoy, Agent(place, tmp_path):
            deploy(serving, "partner", stage.partner, wait=5)
            eventually(lambda: said(serving)["state"] == "accepted", 30)
            eventually(lambda: place.rest("GET", f"/environments/{place.name}/gateways/edge").json()["nodes"], 30)
            with asleep(envoy), ThreadPoolExecutor() as pool, Savers(serving, environment="production") as savers:
                # Of three that wait for an Envoy which says nothing the newest goes on waiting.
                waiting = [pool.submit(_waits, serving, number) for number in range(WAITING)]
                eventually(lambda: releases(serving)[0]["number"] == 1 + WAITING, 30)
                eventually(lambda: said(serving)["state"] == "sent", 30)
                assert not all(one.done() for one in waiting)
                ended_in_time(serving)
            answers = [one.result() for one in waiting]
        assert [answer.status_code for answer in answers] == [201] * WAITING
        states = [_state(answer) for answer in answers]
        assert "sent" in states
        assert set(states) <= {"sent", "superseded"}, "nobody has confirmed anything"
    with Serving(tmp_path / "data", **settings) as again:
        again.share_token([serving])
        savers.check(again)


def _waits(serving: Serving, number: int) -> httpx.Response:
    return post(serving, f"waits-{number}", Authority("Waits").pem, wait=25)


def _state(answer: httpx.Response) -> str:
    (place,) = answer.json()["deployment"]["environments"]
    return next(row["state"] for row in place["gateways"] if row["gateway"] == "edge")


@pytest.mark.postgresql
def test_sigterm_ends_a_worker_in_time_although_a_gateway_hangs_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with Nodes(tmp_path, FILES_ROOTS=str(tmp_path)) as nodes:
        server, worker = nodes.start("a", JOBS="off"), nodes.start("w", "worker")
        with deaf_gateway(server, tmp_path):
            assert deploy(server, "first", Authority("First CA"), wait=1, gateway="deaf")["state"] == "pending"
            ended_in_time(worker)
            assert said(server, "deaf")["state"] == "pending"
        nodes.start("v", "worker")
        # Nobody listens any more, and that is what is said.
        eventually(lambda: said(server, "deaf")["state"] == "unreachable", 60)
