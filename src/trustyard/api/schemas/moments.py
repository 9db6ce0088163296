"""Moments in a query: RFC 3339 with a zone, never seconds since 1970."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo

from trustyard.actions.moments import moment_of


def _read(text: str | None, info: ValidationInfo) -> datetime | None:
    """Raises `Refused` by its own code, which pydantic lets through."""
    return None if text is None else moment_of(text, info.field_name or "")


Moment = Annotated[datetime | None, BeforeValidator(_read)]
