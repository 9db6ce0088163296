"""One id from the proxy over answers and log lines to the audit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from .serving import Serving, eventually

HEX = re.compile(r"[0-9a-f]{16}")


@pytest.fixture(scope="module")
def behind_a_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that believes us to be its proxy, and logs every request."""
    folder: Path = tmp_path_factory.mktemp("proxied")
    with Serving(folder / "data", TRUSTED_PROXIES="127.0.0.0/8", ACCESS_LOG="all") as serving:
        yield serving


def logged(serving: Serving, request_id: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in list(serving.log) if line.startswith("{")]
    return [line for line in lines if line.get("request_id") == request_id]


def test_answer_problem_log_line_and_audit_event_share_one_id(server: Serving) -> None:
    with server.client() as client:
        made = client.post("/api/v1/environments", json={"name": "traced", "type": "test"})
        again = client.post("/api/v1/environments", json={"name": "traced", "type": "test"})
        ours = made.headers["X-Request-ID"]
        assert HEX.fullmatch(ours)
        found = client.get("/api/v1/audit", params={"request_id": ours}).json()["items"]
    assert [(event["action"], event["object"]) for event in found] == [("environment.create", "traced")]
    assert found[0]["request_id"] == ours
    assert (again.status_code, again.json()["request_id"]) == (409, again.headers["X-Request-ID"])
    (line,) = eventually(lambda: logged(server, ours))
    assert (line["event"], line["status"], line["actor"]) == ("http.request", 201, found[0]["actor"])


def test_a_strangers_id_is_not_taken(server: Serving) -> None:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as stranger:
        answer = stranger.get("/api/v1/certificates", headers={"X-Request-ID": "chosen-by-me"})
    assert HEX.fullmatch(answer.headers["X-Request-ID"])
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_a_trusted_proxys_id_is_taken_to_the_audit_unless_it_is_no_id(behind_a_proxy: Serving) -> None:
    with behind_a_proxy.client() as client:
        headers = {"X-Request-ID": "edge/7f3a:42"}
        made = client.post("/api/v1/environments", json={"name": "proxied", "type": "test"}, headers=headers)
        assert made.headers["X-Request-ID"] == "edge/7f3a:42"
        (event,) = client.get("/api/v1/audit", params={"request_id": "edge/7f3a:42"}).json()["items"]
        assert event["object"] == "proxied"
        for bad in ("", "a b", "x" * 65, "<script>", "a,b"):
            replaced = client.get("/healthz", headers={"X-Request-ID": bad})
            assert HEX.fullmatch(replaced.headers["X-Request-ID"]), bad
    assert eventually(lambda: [line for line in behind_a_proxy.log if '"/healthz"' in line])


def test_health_and_documents_are_logged_only_where_it_is_asked_for(server: Serving) -> None:
    with server.client() as client:
        quiet = client.get("/healthz").headers["X-Request-ID"]
        loud = client.get("/api/v1/environments").headers["X-Request-ID"]
    assert eventually(lambda: logged(server, loud))
    assert not logged(server, quiet)
