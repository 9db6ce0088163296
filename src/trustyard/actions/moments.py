"""Moments as programs give them: RFC 3339, with a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from trustyard.errors import FieldError, Refused

# RFC 3339, section 5.6; seconds may be left out, and the colon of a zone: clients that OpenAPI Generator makes leave it
# out, for `strftime` does. Nothing else that ISO 8601 knows besides is taken.
_FORM = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)", re.ASCII)


def moment_of(text: str, field: str = "moment") -> datetime:
    """A moment of RFC 3339, in UTC. Raises `Refused` (`bad-moment`), also where the zone is missing."""
    try:
        if _FORM.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):  # the 30th of February; the last day of all time, in another zone
        pass
    sentence = "A moment is written as in 2027-01-31T12:00:00Z (RFC 3339)."
    raise Refused(sentence, code="bad-moment", fields=[FieldError(field, sentence)])


def whole_second(moment: datetime, text: str) -> datetime:
    """The moment as an upper end: without a fraction of a second the text means that second whole.

    So are moments shown, and what was shown of a thing finds it again.
    """
    return moment if re.search(r":\d\d[.,]\d", text) else moment.replace(microsecond=999_999)
