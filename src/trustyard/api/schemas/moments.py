"""Moments as they are given: RFC 3339, never seconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator


def _as_text(moment: str | None) -> str | None:
    if moment is not None and not re.match(r"\d{4}-\d\d-\d\d", moment, re.ASCII):
        raise ValueError("A moment looks like 2026-03-03T14:00:00Z.")  # pydantic also takes seconds since 1970
    return moment


def _in_utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    try:
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except OverflowError:  # the first or the last day of all time, in another zone
        raise ValueError("This moment is outside of what can be counted.") from None


Moment = Annotated[datetime | None, BeforeValidator(_as_text), AfterValidator(_in_utc)]
