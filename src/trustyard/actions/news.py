"""News inside this process: an environment has a new release or a changed gateway."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.db import transaction

log = structlog.get_logger(__name__)
_listeners: list[Callable[[str], None]] = []


def subscribe(callback: Callable[[str], None]) -> Callable[[], None]:
    """Calls back with the environment's name after each commit, in the committing thread; returns the way to stop."""
    _listeners.append(callback)
    return lambda: _listeners.remove(callback)


def tell(environment: str) -> None:
    """Tells after the commit of the transaction under way. A lost word is harmless: listeners also poll."""
    transaction.on_commit(lambda: _tell(environment))


def _tell(environment: str) -> None:
    for callback in _listeners:
        try:
            callback(environment)
        except Exception:  # one listener that fails must not cost the others their news, nor the save its answer
            log.exception("news.listener_failed", environment=environment)
