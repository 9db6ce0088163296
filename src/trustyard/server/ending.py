"""Ends the process in time: what takes too long is given up, and done again by another node or at the next start."""

from __future__ import annotations

import logging
import os
import threading

import structlog

log = structlog.get_logger(__name__)
LONGEST_SECONDS = 8.0


def soon() -> None:
    """From now on the process has so long to end by itself.

    A gateway, a foreign server or a database that does not answer holds up threads that nobody can end. Being cut short
    is what a kill does at any moment, and that costs nothing that is stored.
    """
    timer = threading.Timer(LONGEST_SECONDS, _cut_short)
    timer.daemon = True
    timer.start()


def _cut_short() -> None:
    names = sorted(thread.name for thread in threading.enumerate() if not thread.daemon)
    log.warning("ending.cut_short", threads=names)
    logging.shutdown()
    os._exit(0)
