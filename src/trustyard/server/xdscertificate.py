"""How long the certificate of the xDS server is valid: asked by `trustyard check`, and daily by a server that runs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import structlog

from trustyard.errors import TrustyardError
from trustyard.pki.certificates import status
from trustyard.pki.containers import read_file

log = structlog.get_logger(__name__)
EVERY_SECONDS = 24 * 3600.0


def validity(cert: Path) -> tuple[str, datetime]:
    """The word for it (`expiring` for the last 30 days at most), and its end.

    Raises OSError, and what `read_file` does where it holds no certificate.
    """
    facts = read_file(cert.read_bytes()).certificates[0].facts
    return status(facts.not_before, facts.not_after, datetime.now(UTC)), facts.not_after


async def watched(cert: Path) -> None:
    """Warns in the log while it is not valid or ends soon, at once and then daily, until cancelled."""
    while True:
        await asyncio.to_thread(_look, cert)
        await asyncio.sleep(EVERY_SECONDS)


def _look(cert: Path) -> None:
    try:
        word, end = validity(cert)
    except (OSError, TrustyardError):  # half-written: who serves it says so
        return
    if word == "expiring":
        log.warning("xds.certificate_expires", file=str(cert), not_after=end.isoformat())
    elif word != "valid":
        log.warning("xds.certificate_not_valid", file=str(cert), status=word, not_after=end.isoformat())
