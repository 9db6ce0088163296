"""Puts the parts of a running server together: the router and what it stands on."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from trustyard.actions import delivery, news
from trustyard.actions.published import Edition, edition
from trustyard.jobs.runner import Runner
from trustyard.models.connections import looked_after

from .agents.route import Agents
from .bridge import Bridge
from .callers import Callers
from .configuration import Configuration
from .connections import Connections
from .health import Health
from .heartbeat import heartbeat
from .metrics import Metrics
from .proxies import Proxies
from .published import Published
from .router import LOGGED, Router
from .waiting import Waiting


class _Jobs(Protocol):
    """The background jobs, done here or shared with other nodes."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


def _jobs(configuration: Configuration, told: Callable[[str, str], None]) -> _Jobs:
    if configuration.sqlite:
        return Runner(told)
    from trustyard.jobs.queued import Queued  # Procrastinate is installed on PostgreSQL alone

    return Queued(told, works=configuration.jobs)


def _load_answers() -> None:
    """Loads REST and console, which the first request would wait for: half of a second."""
    import_module(settings.ROOT_URLCONF)


class _Delivery:
    """`actions.delivery`, asked in threads that serve no request."""

    def settled(self, release_ids: list[int]) -> bool:
        with looked_after():
            return delivery.settled(release_ids)

    def told(self, answer: dict[str, Any], release_ids: list[int]) -> dict[str, Any]:
        with looked_after():
            return delivery.told(answer, release_ids)


def _published(environment: str, name: str, known: str) -> Edition | None:
    with looked_after():
        return edition(environment, name, known)


class Parts:
    """Everything with threads in it. To be created inside the running event loop, once Django is set up."""

    def __init__(self, configuration: Configuration) -> None:
        self.metrics = Metrics(lambda: self.agents.desk.connected)
        self.runner = _jobs(configuration, self.metrics.delivered)
        self.heartbeat = heartbeat() if not configuration.sqlite else None
        self.health = Health(_load_answers)
        self.connections = Connections(configuration.trusted_proxies)
        self.published = Published(_published)
        self.callers = Callers()
        self.bridge = Bridge(get_wsgi_application(), self.callers)
        self.agents = Agents(self.metrics.delivered)
        self.waiting = Waiting(self.bridge, _Delivery())
        self.router = Router(
            Proxies(configuration.trusted_proxies),
            self.published,
            self.health,
            self.metrics,
            self.agents,
            self.waiting,
            LOGGED[configuration.access_log],
        )
        self._unsubscribe = [news.subscribe(self.published.heard), news.subscribe(self.agents.desk.heard)]

    def start(self) -> None:
        """Starts the background jobs."""
        self.runner.start()
        if self.heartbeat:
            self.heartbeat.start()

    def stop(self) -> None:
        """Answers open requests that wait, with what there is."""
        self.waiting.stop()
        self.agents.desk.stop()

    def close(self) -> None:
        """Ends every thread, once its running work is done."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self.runner.stop()
        if self.heartbeat:
            self.heartbeat.stop()
        for part in (self.bridge, self.callers, self.waiting, self.published, self.health, self.metrics):
            part.close()
