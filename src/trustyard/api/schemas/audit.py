"""Audit events as they are shown."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from trustyard.actions.actors import Via

from .moments import End, Moment
from .strict import Page, Search, Shown, When


class Event(Shown):
    """Who did what to which object; each event names the hash of the one before it."""

    id: int
    at: When
    actor: str
    via: Via
    address: str
    request_id: str = Field(description="Of the request that did it, as its log lines have it; empty: none did.")
    action: str
    object_kind: str
    object: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    hash: str
    prev_hash: str


class Events(Page):
    """A page of events, newest first."""

    items: list[Event]


class EventFilters(BaseModel):
    """What the audit can be narrowed to."""

    actor: Search = ""
    object: Search = ""
    action: Search = ""
    request_id: Search = ""
    since: Moment = Field(None, description="RFC 3339; this moment is included.")
    until: End = Field(None, description="RFC 3339; this moment is included, and without a fraction the whole second.")
