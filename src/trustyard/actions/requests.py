"""The request that a thread works on: the id that answers, log lines and audit events share, and who asked."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

import structlog


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
