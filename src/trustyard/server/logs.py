"""How log lines look: words and colours on a terminal, JSON elsewhere; to standard error, without any secret."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import MutableMapping
from typing import Any, ClassVar

import structlog

from trustyard.errors import withheld

LEVELS = ("info", "warning", "error", "critical")
SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,  # the request's id
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_config() -> dict[str, Any]:
    """A `logging.config.dictConfig` for everything that logs; product code gets its loggers of structlog."""
    last: list[Any] = (
        # The renderer's own choice shows each frame's variables: forms, passwords, keys.
        [without_private_keys, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if sys.stderr.isatty()
        else [structlog.processors.format_exc_info, without_private_keys, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}, "count": {"()": LineCounter}},
        "root": {"handlers": ["stderr", "count"], "level": "INFO"},
        "loggers": {
            # Django's own default would print each of its warnings a second time.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.request": {"level": "ERROR"},  # a 404 is an answer, not an event
            "django.security": {"level": "CRITICAL"},  # hosts, fields without number: any stranger could fill the log
            "django.security.csrf": {"level": "WARNING"},  # may be a proxy that was set up wrongly
            "django.server": {"handlers": [], "propagate": True},
            "uvicorn": {"level": "WARNING"},
            "uvicorn.error": {"level": "ERROR"},  # its warnings are of requests that are none: any stranger's again
            "httpx": {"level": "WARNING"},
            "procrastinate": {"level": "WARNING"},  # several lines for each job; ours say what came of it
        },
    }


def without_private_keys(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Whatever somebody put into an address or a name: a private key stands in no line."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = withheld(value)
    return event


class LineCounter(logging.Handler):
    """Counts the lines of this process by level, for the metrics; logging calls one handler at a time."""

    counts: ClassVar[Counter[str]] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Another line."""
        level = record.levelname.lower()
        self.counts[level if level in LEVELS else "info"] += 1
