"""A server whose xDS certificate ends soon, or has ended, says so in its log."""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.authority import Authority
from trustyard.server import xdscertificate

from .serving import Serving, eventually

EVENTS = ("xds.certificate_expires", "xds.certificate_not_valid")


def made(folder: Path, *, days: int) -> tuple[str, str]:
    """Certificate and key that were made so many days ago, for a year."""
    folder.mkdir()
    return Authority("xDS", moment=datetime.now(UTC) - timedelta(days=days)).written(folder)


def test_a_server_that_starts_with_an_expired_certificate_runs_and_says_so(tmp_path: Path) -> None:
    cert, key = made(tmp_path / "old", days=400)
    with Serving(tmp_path / "data", XDS_CERT=cert, XDS_KEY=key) as server:
        (line,) = eventually(lambda: [line for line in server.log if any(event in line for event in EVENTS)])
    told = json.loads(line)
    assert (told["event"], told["level"], told["status"]) == ("xds.certificate_not_valid", "warning", "expired")
    assert told["file"] == cert


def test_a_certificate_that_ends_soon_is_told_every_day_until_it_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xdscertificate, "EVERY_SECONDS", 0.01)
    cert, _ = made(tmp_path / "ending", days=340)
    fresh, _ = made(tmp_path / "fresh", days=0)

    async def two_days_and_a_renewal() -> None:
        watching = asyncio.create_task(xdscertificate.watched(Path(cert)))
        async with asyncio.timeout(10):
            while len(lines) < 2:
                await asyncio.sleep(0.01)
        shutil.copy(fresh, cert)
        await asyncio.sleep(0.1)
        told = len(lines)
        await asyncio.sleep(0.1)
        watching.cancel()
        assert len(lines) == told

    with capture_logs() as lines:
        asyncio.run(two_days_and_a_renewal())
    assert {line["event"] for line in lines} == {"xds.certificate_expires"}
    ends = datetime.fromisoformat(lines[0]["not_after"])
    assert timedelta(days=24) < ends - datetime.now(UTC) < timedelta(days=26)
