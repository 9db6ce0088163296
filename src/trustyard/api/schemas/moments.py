"""Moments in a query: RFC 3339 with a zone, never seconds since 1970."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo

from trustyard.actions.moments import moment_of, whole_second


def _read(text: str | None, info: ValidationInfo) -> datetime | None:
    """Raises `Refused` by its own code, which pydantic lets through."""
    return None if text is None else moment_of(text, info.field_name or "")


Moment = Annotated[datetime | None, BeforeValidator(_read)]


def _read_end(text: str | None, info: ValidationInfo) -> datetime | None:
    moment = _read(text, info)
    return None if text is None or moment is None else whole_second(moment, text)


End = Annotated[datetime | None, BeforeValidator(_read_end)]
