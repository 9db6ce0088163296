"""Removes what has expired: old drafts, inspections of sources, ended sessions, nodes that left long ago."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import structlog
from django.conf import settings

from trustyard.actions import alias_files, drafts, gone, sessions, sources
from trustyard.models.connections import looked_after

log = structlog.get_logger(__name__)


def clean() -> None:
    """Idempotent; what fails is tried again in an hour, and keeps nothing else from being removed.

    Raises the first error when all the rest is done.
    """
    errors: list[Exception] = []
    for name, step in _steps().items():
        try:
            with looked_after():
                log.debug("clean.done", step=name, count=step())
        except Exception as error:  # noqa: BLE001 - the database, most likely; it is raised below
            log.warning("clean.failed", step=name, error=type(error).__name__)
            errors.append(error)
    if errors:
        raise errors[0]


def _steps() -> dict[str, Callable[[], object]]:
    return {
        "drafts": drafts.forget_old,
        "inspections": sources.forget_expired,
        "nodes": gone.forget_all,
        "alias_files": alias_files.file_all,
        "sessions": import_module(settings.SESSION_ENGINE).SessionStore.clear_expired,
        "ended_sessions": sessions.forget_ended,
    }
