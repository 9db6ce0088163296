"""A server is ready once its database answers and all is loaded that answers requests."""

from __future__ import annotations

import asyncio
import threading

import pytest

from trustyard.server import health

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_server_that_still_loads_what_answers_requests_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = threading.Event()
    server = health.Health(loaded.wait)

    async def ready() -> int:
        return (await server.ready()).status

    monkeypatch.setattr(health, "SECONDS", 0.1)
    assert asyncio.run(ready()) == 503
    loaded.set()
    monkeypatch.setattr(health, "SECONDS", 30)
    assert asyncio.run(ready()) == 200
    server.close()
