"""A server is ready once its database answers and all is loaded that answers requests."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from structlog.testing import capture_logs

from trustyard.server import health

pytestmark = pytest.mark.django_db(transaction=True)


def said(server: health.Health) -> tuple[int, str]:
    """Its status, and what is missing."""
    answer = asyncio.run(server.ready())
    return answer.status, json.loads(answer.body).get("detail", "")


def test_a_server_that_still_loads_what_answers_requests_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = threading.Event()
    server = health.Health(loaded.wait)

    monkeypatch.setattr(health, "SECONDS", 0.1)
    assert said(server) == (503, "Not all is loaded that answers requests.")
    loaded.set()
    monkeypatch.setattr(health, "SECONDS", 30)
    assert said(server) == (200, "")
    server.close()


def test_what_cannot_be_loaded_is_not_said_of_the_database() -> None:
    def load() -> None:
        raise ImportError("a library of another version")

    server = health.Health(load)
    with capture_logs() as lines:
        assert said(server) == (503, "What answers requests cannot be loaded; the log says why.")
    assert [line["event"] for line in lines] == ["ready.not_loaded"]
    server.close()
