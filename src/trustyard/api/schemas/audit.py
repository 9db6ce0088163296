"""Audit events as they are shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field, field_validator

from .strict import Page, Search, Shown


class Event(Shown):
    """Who did what to which object; each event names the hash of the one before it."""

    id: int
    at: str
    actor: str
    via: str
    address: str
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
    since: datetime | None = Field(None, description="RFC 3339; this moment is included.")
    until: datetime | None = Field(None, description="RFC 3339; this moment is included.")

    @field_validator("since", "until", mode="before")
    @classmethod
    def _as_text(cls, moment: str | None) -> str | None:
        if moment is not None and not re.match(r"\d{4}-\d\d-\d\d", moment, re.ASCII):
            raise ValueError("A moment looks like 2026-03-03T14:00:00Z.")  # pydantic also takes seconds since 1970
        return moment

    @field_validator("since", "until")
    @classmethod
    def _in_utc(cls, moment: datetime | None) -> datetime | None:
        if moment is None:
            return None
        try:
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except OverflowError:  # the first or the last day of all time, in another zone
            raise ValueError("This moment is outside of what can be counted.") from None
