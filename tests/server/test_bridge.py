"""Which requests wait in threads of their own, so that they stop nobody else."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from trustyard.actions import requests
from trustyard.actions.actors import Actor
from trustyard.actions.outward import EACH, PLACES, SHARED, place
from trustyard.errors import Unavailable
from trustyard.server.bridge import FETCHING_THREADS, THREADS, fetches


@pytest.mark.parametrize(
    ("method", "path", "body", "waits"),
    [
        ("GET", b"/api/v1/certificates/acme/entries/test/lint", b"", True),
        ("GET", b"/certificates/7/in/1/lint/", b"", True),
        ("HEAD", b"/certificates/7/in/1/lint/", b"", True),
        ("GET", b"/api/v1/certificates/lint-acme", b"", False),
        ("GET", b"/sign-in/provider/", b"", True),
        ("GET", b"/sign-in/%70rovider/callback/", b"", True),
        ("GET", b"/sign-in/", b"", False),
        ("POST", b"/api/v1/certificates/inspect", b'{"kind": "connection", "url": "https://x"}', True),
        ("POST", b"/api/v1/certificates/inspect", rb'{"kind": "connectio\u006e", "url": "https://x"}', True),
        ("POST", b"/api/v1/certificates/inspect", rb'{"kind": "\u0063onnecti\u006Fn", "url": "https://x"}', True),
        ("POST", b"/%61pi/v1/certificates/inspect", b'{"kind": "connection", "url": "https://x"}', True),
        ("POST", b"/trust%2Dcheck/", b"", True),
        ("POST", b"/certificates/drafts/1/window/look/connection/", b"", True),
        ("POST", b"/api/v1/certificates/compare", b'{"left": {}, "right": {"live": true}}', True),
        ("POST", b"/api/v1/certificates/compare", b'{"left": {}, "right": {"certificate": "a"}}', False),
        ("POST", b"/certificates/compare/now/", b"side=live", True),
        ("GET", b"/certificates/compare/", b"", False),
        ("GET", b"/api/v1/certificates/a/entries/test/chain", b"", False),
        ("POST", b"/api/v1/certificates", b"{}", False),
        ("POST", b"/trust-check/", b"", True),
        ("POST", b"/trust-check", b"", True),
        ("POST", b"/jwks/new/", b'description=the "connection"', False),
        ("GET", b"/trust-check/", b"", False),
        ("POST", b"/api/v1/environments/test/trust-check", b'{"source": {"kind": "connection"}}', True),
        ("POST", b"/api/v1/environments/test/trust-check", b'{"source": {"kind": "paste"}}', False),
    ],
)
def test_what_waits_for_a_foreign_server_or_a_worker_has_threads_of_its_own(
    method: str, path: bytes, body: bytes, waits: bool
) -> None:
    assert fetches({"method": method, "raw_path": path}, body) is waits


def test_few_of_the_threads_that_answer_everybody_wait_for_foreign_servers() -> None:
    """Whatever a request looks like from outside."""
    inside, over = threading.Semaphore(0), threading.Event()

    def connect(*, hurried: bool) -> str:
        request = requests.begin(f"{threading.get_ident()}")
        if hurried:
            requests.hurry()
        try:
            with place(Actor(f"operator {request.id}", "operator")):
                inside.release()
                over.wait(10)
        except Unavailable as error:
            return error.code
        return ""

    with ThreadPoolExecutor(2 * THREADS) as threads:
        waiting = [threads.submit(connect, hurried=True) for _ in range(PLACES)]
        assert all(inside.acquire(timeout=10) for _ in range(PLACES))
        refused = [threads.submit(connect, hurried=True) for _ in range(THREADS - PLACES)]
        assert {one.result(10) for one in refused} == {"busy"}
        others = [threads.submit(connect, hurried=False) for _ in range(THREADS)]
        assert all(inside.acquire(timeout=10) for _ in range(THREADS)), "other threads may wait"
        over.set()
        assert {one.result(10) for one in (*waiting, *others)} == {""}
        assert threads.submit(connect, hurried=True).result(10) == "", "and the place is free again"


def test_no_actor_takes_more_than_half_of_the_threads_that_connect_and_no_two_take_the_last_quarter() -> None:
    assert (EACH, SHARED) == (FETCHING_THREADS // 2, FETCHING_THREADS * 3 // 4)
