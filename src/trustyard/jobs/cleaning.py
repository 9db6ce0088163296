"""Removes what has expired: old drafts, inspections of sources, ended sessions, nodes that left long ago."""

from __future__ import annotations

from importlib import import_module

import structlog
from django.conf import settings

from trustyard.actions import alias_files, drafts, gone, sessions, sources
from trustyard.models.connections import looked_after

log = structlog.get_logger(__name__)


def clean() -> None:
    """Idempotent; what fails is tried again in an hour."""
    with looked_after():
        taken = {
            "drafts": drafts.forget_old(),
            "inspections": sources.forget_expired(),
            "nodes": gone.forget_all(),
        }
        alias_files.file_all()
        import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
        sessions.forget_ended()
    log.debug("clean.done", **taken)
