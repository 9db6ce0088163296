"""When an API token ends: what a person writes, within what the settings allow."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings

from trustyard.errors import FieldError, Refused

SOON = timedelta(days=14)


def read(text: str, now: datetime) -> datetime | None:
    """The moment of `90d` (days from now) or `2027-01-31` (the end of that day, UTC); None: no end.

    Without a text it is as late as TRUSTYARD_TOKEN_MAX_DAYS allows. Raises `Refused` (`bad-expiry`) for what is no day,
    is past, or is later than allowed.
    """
    days = settings.TRUSTYARD.identity.token_days
    latest = now + timedelta(days=days) if days else None
    text = text.strip()
    if not text:
        return latest
    end = _moment(text, now)
    if end <= now:
        raise _refused(f"{text} is over already.")
    if latest and end.date() > latest.date():
        raise _refused(f"A token may live {days} days at most (TRUSTYARD_TOKEN_MAX_DAYS), until {latest:%Y-%m-%d}.")
    return end


def state(expires_at: datetime | None, revoked_at: datetime | None, now: datetime) -> str:
    """`active`, `ends soon` (within two weeks), `expired` or `revoked`."""
    if revoked_at:
        return "revoked"
    if expires_at is None or expires_at > now + SOON:
        return "active"
    return "ends soon" if expires_at > now else "expired"


def _moment(text: str, now: datetime) -> datetime:
    number = text.removesuffix("d")
    try:
        if number != text and number.isascii() and number.isdigit():
            return now + timedelta(days=int(number))
        return datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
    except (ValueError, OverflowError):
        raise _refused(f"{text} is neither a number of days such as 90d nor a day such as 2027-01-31.") from None


def _refused(sentence: str) -> Refused:
    return Refused(sentence, code="bad-expiry", fields=[FieldError("expires", sentence)])
