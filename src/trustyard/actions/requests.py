"""The request that a thread works on: the id that answers, log lines and audit events share, who asked, how much."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.core.exceptions import TooManyFieldsSent, TooManyFilesSent

from trustyard.errors import TooLarge


@dataclass
class Request:
    """`actor` is empty until an edge knows it; the thread that began the request can read it, whichever thread set it.

    `hurried`: its thread is one of the few that answer everybody, and must not wait long for a foreign server.
    """

    id: str
    actor: str = ""
    hurried: bool = False


_CURRENT: ContextVar[Request | None] = ContextVar("trustyard_request", default=None)


def begin(request_id: str) -> Request:
    """From here on, and in threads that are given this context, this request is worked on; its log lines say so."""
    request = Request(request_id)
    _CURRENT.set(request)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request


def current_id() -> str:
    """The id of the request; empty for what the schedule and local commands do."""
    request = _CURRENT.get()
    return request.id if request else ""


def asker() -> str:
    """Who makes the present request; empty where that is not known, or there is none."""
    request = _CURRENT.get()
    return request.actor if request else ""


def too_many(error: Exception) -> TooLarge | None:
    """What to say of a form that has more parts than are read; None for any other error."""
    if isinstance(error, TooManyFieldsSent):
        sentence = f"A form has at most {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:,} fields, and this one has more."
        advice = "Send or tick fewer at a time. The command line, and REST with JSON, promote any number at once."
        return TooLarge(sentence, advice=advice)
    if isinstance(error, TooManyFilesSent):
        sentence = f"A form holds at most {settings.DATA_UPLOAD_MAX_NUMBER_FILES} files, and this one has more."
        return TooLarge(sentence, advice="Send them in several forms, or all of them as JSON.")
    return None


def hurry() -> None:
    """The request that is worked on has a thread that others wait for."""
    request = _CURRENT.get()
    if request:
        request.hurried = True


def is_hurried() -> bool:
    """False also for what the schedule and local commands do."""
    request = _CURRENT.get()
    return request is not None and request.hurried


def asked_by(actor: str) -> None:
    """Notes who makes the present request; no effect outside a request."""
    request = _CURRENT.get()
    if request:
        request.actor = actor
        structlog.contextvars.bind_contextvars(actor=actor)
