"""`trustyard worker`: a process that does jobs and nothing else, beside any number of `serve`."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import structlog

from trustyard.errors import Refused

from . import ending, secretkey
from .configuration import Configuration
from .datadir import prepare
from .opening import one_node, open_database

log = structlog.get_logger(__name__)


def work(configuration: Configuration, say: Callable[[str], None]) -> None:
    """Runs until SIGTERM or SIGINT, then lets jobs under way end. Raises TrustyardError where it cannot start."""
    if configuration.sqlite:
        raise Refused(
            "A worker of its own needs PostgreSQL: on SQLite `trustyard serve` does the jobs itself.",
            code="worker-alone",
            advice="Set TRUSTYARD_DATABASE_URL to the database of the servers.",
        )
    prepare(configuration)
    open_database(configuration)
    with one_node():
        secretkey.check(configuration)
    from trustyard.jobs.queued import Queued  # needs Django, which is set up now

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # Programs read this line: its form stays.
    jobs = Queued(lambda kind, state: None, ready=lambda: say("Worker: ready"))
    jobs.start()
    stop.wait()
    log.info("worker.stopping")
    ending.soon()
    jobs.stop()
