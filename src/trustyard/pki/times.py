"""UTCTime and GeneralizedTime as moments, also where they break the rules (X.690, 11.7 and 11.8; RFC 5280, 4.1.2.5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from trustyard.pki import der
from trustyard.pki.remembering import remembered

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(microsecond=0, tzinfo=UTC)

_TIME = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:[.,]\d+)?(Z|[+-]\d{4})?")
_WITH_CENTURY = re.compile(rb"\d{14}")


@remembered(longest=64, entries=4096)
def read(raw: bytes) -> datetime | None:
    """The moment in UTC, or None where it cannot be told; fractions are cut, missing seconds are zero.

    The year 0, with which some mean "always", is the first moment that there is.
    """
    try:
        return _moment(der.read_all(raw).expect(der.UTC_TIME, der.GENERALIZED_TIME))
    except (ValueError, OverflowError):
        return None


def _moment(element: der.Element) -> datetime:
    digits = element.body
    if element.tag == der.UTC_TIME and not _WITH_CENTURY.match(digits):
        # RFC 5280, section 4.1.2.5.1: 50 and later means 19..
        digits = (b"19" if digits[:2] >= b"50" else b"20") + digits
    match = _TIME.fullmatch(digits)
    if not match:
        raise der.DerError("not a time")
    year, month, day, hour, minute, second = (int(part or b"0") for part in match.groups()[:6])
    if year == 0:
        return FIRST
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _offset(match[7])


def _offset(text: bytes | None) -> timedelta:
    if text is None or text == b"Z":
        return timedelta(0)
    minutes = int(text[1:3]) * 60 + int(text[3:5])
    return timedelta(minutes=-minutes if text[:1] == b"-" else minutes)
