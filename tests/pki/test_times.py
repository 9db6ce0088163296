"""Dates as certificates write them, also against the rules."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.pki.handmade import certificate
from tests.pki.moments import NOON
from trustyard.pki import der, times
from trustyard.pki.certificates import facts_json, read_certificate


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        (der.UTC_TIME, "491231235959Z", (2049, 12, 31, 23, 59, 59)),
        (der.UTC_TIME, "500101000000Z", (1950, 1, 1)),
        (der.UTC_TIME, "2601010203Z", (2026, 1, 1, 2, 3)),
        (der.UTC_TIME, "260101000000+0130", (2025, 12, 31, 22, 30)),
        (der.UTC_TIME, "19020701025736Z", (1902, 7, 1, 2, 57, 36)),
        (der.GENERALIZED_TIME, "99991231235959Z", (9999, 12, 31, 23, 59, 59)),
        (der.GENERALIZED_TIME, "20260101000000.123Z", (2026, 1, 1)),
        (der.GENERALIZED_TIME, "20260101000000", (2026, 1, 1)),
        (der.GENERALIZED_TIME, "00000101000000Z", (1, 1, 1)),
    ],
)
def test_a_date_is_read_however_it_is_written(tag: int, text: str, expected: tuple[int, ...]) -> None:
    assert times.read(der.encode(tag, text.encode())) == datetime(*expected, tzinfo=UTC)  # type: ignore[misc, arg-type]  # a moment's parts


@pytest.mark.parametrize(
    "text", ["", "Z", "20261301000000Z", "20260101240000Z", "yyyymmddhhmmss", "99991231235959-2359"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert times.read(der.encode(der.GENERALIZED_TIME, text.encode())) is None


@pytest.mark.parametrize(("begins", "status"), [(True, "not yet valid"), (False, "expired")])
def test_a_certificate_with_an_unreadable_date_is_read_and_never_valid(begins: bool, status: str) -> None:
    broken = der.encode(der.UTC_TIME, b"no date")
    data = certificate(begins=broken) if begins else certificate(ends=broken)
    assert facts_json(read_certificate(data), NOON)["status"] == status
