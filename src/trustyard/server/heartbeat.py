"""The heartbeat of this server in the database; what a server held whose heartbeat stopped is known to be gone."""

from __future__ import annotations

from trustyard.actions import news, servers
from trustyard.jobs.rounds import Rounds
from trustyard.models.connections import looked_after


def heartbeat() -> Rounds:
    """Beats every `BEAT_SECONDS`. For PostgreSQL; with SQLite there is one server, which looks once when it starts."""
    return Rounds("heartbeat", _beat, servers.BEAT_SECONDS)


def _beat() -> None:
    with looked_after():
        if not servers.beat():
            news.heard(news.EVERYTHING)  # others took this server for dead: what it holds is announced again
