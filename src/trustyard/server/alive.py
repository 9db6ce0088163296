"""Says every few seconds that this server lives, so that others know what it holds, and it what dead ones held."""

from __future__ import annotations

from trustyard.actions import news, servers
from trustyard.jobs.rounds import Rounds
from trustyard.models.connections import looked_after


class Alive:
    """On PostgreSQL; an embedded database has one server, which looks once at its start."""

    def __init__(self) -> None:
        self._rounds = Rounds("word of life", _beat, servers.BEAT_SECONDS)

    def start(self) -> None:
        self._rounds.start()

    def stop(self) -> None:
        self._rounds.stop()


def _beat() -> None:
    with looked_after():
        if not servers.beat():
            news.heard(news.EVERYTHING)  # what we hold was taken for gone: it is said again
