"""News: an environment has a new release or a changed gateway. On PostgreSQL it reaches every server."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import structlog
from django.db import connection, transaction

log = structlog.get_logger(__name__)
Callback = Callable[[str], None]
CHANNEL = "trustyard_news"
EVERYTHING = ""  # in place of an environment's name: words may have been lost, so all is to be looked at
_listeners: list[Callback] = []
_within: list[Callback] = []
_sender = secrets.token_hex(6)


def subscribe(callback: Callback) -> Callable[[], None]:
    """Calls back with the environment's name, or EVERYTHING, after each commit, in whatever thread has the news.

    Returns the way to stop.
    """
    return _add(_listeners, callback)


def subscribe_within(callback: Callback) -> Callable[[], None]:
    """Calls back with the environment's name inside the transaction: what is written then is there if the news is."""
    return _add(_within, callback)


def tell(environment: str) -> None:
    """Tells after the commit of the transaction under way. A lost word is harmless: listeners also poll."""
    for callback in _within:
        callback(environment)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # PostgreSQL passes it on at the commit, and nothing after a rollback
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{_sender} {environment}"])
    transaction.on_commit(lambda: heard(environment))


def heard_from_others(payload: str) -> None:
    """A word of the channel. Our own was told here at its commit."""
    sender, _, environment = payload.partition(" ")
    if sender != _sender:
        heard(environment)


def heard(environment: str) -> None:
    """Passes news on inside this process."""
    for callback in _listeners:
        try:
            callback(environment)
        except Exception:  # one listener that fails must not cost the others their news, nor the save its answer
            log.exception("news.listener_failed", environment=environment)


def _add(callbacks: list[Callback], callback: Callback) -> Callable[[], None]:
    callbacks.append(callback)
    return lambda: callbacks.remove(callback)
