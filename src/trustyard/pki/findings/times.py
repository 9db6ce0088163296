"""Dates: what passes with the moment, and how they are written down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta

from trustyard.pki import der
from trustyard.pki.certificates import Facts, expiring_from
from trustyard.pki.sentences import plural
from trustyard.pki.structure import Structure

from .catalogue import Finding, finding, shown
from .examined import SERVER, Examined

_DAY = timedelta(days=1)
# CA/Browser Forum, TLS Baseline Requirements, section 6.3.2: from this day on, at most this many days.
_LIMITS = (
    (datetime(2029, 3, 15, tzinfo=UTC), 47),
    (datetime(2027, 3, 15, tzinfo=UTC), 100),
    (datetime(2026, 3, 15, tzinfo=UTC), 200),
    (datetime(2020, 9, 1, tzinfo=UTC), 398),
)
_FIRST = _LIMITS[-1][0]


def passing(facts: Facts, moment: datetime) -> Iterator[Finding]:
    """What is true at that moment alone."""
    begin, end = facts.not_before, facts.not_after
    if end < begin:
        return  # never valid, which lasts
    if moment > end:
        yield finding("expired", day=_day(end), ago=_ago(moment - end))
    elif moment < begin:
        yield finding("not-yet-valid", day=_day(begin), away=_away(begin - moment))
    elif moment >= expiring_from(begin, end):
        yield finding("expiring", day=_day(end), away=_away(end - moment))


def lasting(examined: Examined) -> Iterator[Finding]:
    """What stays true."""
    facts = examined.facts
    begin, end = facts.not_before, facts.not_after
    if end < begin and (end.year == MINYEAR or begin.year == MAXYEAR):
        yield finding("time-unreadable")  # the reader put "never" in its place
    elif end < begin:
        yield finding("validity-reversed", begin=_day(begin), end=_day(end))
    elif end.year == MAXYEAR:
        yield finding("no-expiry")
    if begin >= _FIRST and examined.purposes and SERVER in examined.purposes and not facts.is_ca:
        yield from _lifetime(begin, end)
    if not _usual(examined.structure):
        yield from _written(examined.structure)


def _lifetime(begin: datetime, end: datetime) -> Iterator[Finding]:
    since, limit = next((since, limit) for since, limit in _LIMITS if begin >= since)
    # Both ends belong to it (RFC 5280), so a certificate of exactly that many days ends a second before.
    lives = end - begin + timedelta(seconds=1)
    if lives > limit * _DAY:
        yield finding("lifetime-over-limit", days=-(-lives // _DAY), since=_day(since), limit=limit)


def _usual(structure: Structure) -> bool:
    """Whether the validity is two whole UTCTimes, as nearly always: seen in the octets, without reading them again."""
    begin, end = structure.validity
    return begin[:2] == end[:2] == b"\x17\x0d" and begin[-1:] == end[-1:] == b"Z"


def _written(structure: Structure) -> Iterator[Finding]:
    for element in map(der.read_all, structure.validity):
        length = 13 if element.tag == der.UTC_TIME else 15
        if len(element.body) != length or element.body[-1:] != b"Z":
            yield finding("time-wrong-form", text=shown(element.body.decode("latin-1")))
        elif element.tag == der.GENERALIZED_TIME and element.body < b"2050":
            yield finding("time-wrong-type")


def _day(moment: datetime) -> str:
    return moment.date().isoformat()


def _away(gap: timedelta) -> str:
    return "within a day" if gap < _DAY else f"in {_days(gap)}"


def _ago(gap: timedelta) -> str:
    return "less than a day ago" if gap < _DAY else f"{_days(gap)} ago"


def _days(gap: timedelta) -> str:
    return plural(gap.days, "day")
