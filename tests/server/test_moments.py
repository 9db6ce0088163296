"""Moments are read from PostgreSQL as they were written, and refused where Python has none like them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DataError, connection

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]


def read(value: object) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [value])
        (found,) = cursor.fetchone()
    return found


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 30, 15, 53, 50, 282588, UTC),
        datetime(2026, 11, 30, 15, 53, 50, 280000, UTC),
        datetime(1950, 1, 1, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, UTC),
    ],
)
def test_a_moment_is_read_as_it_was_written(moment: datetime) -> None:
    found = read(moment)
    assert (found, found.utcoffset()) == (moment, timedelta(0))


def test_a_moment_of_another_zone_is_read_in_utc() -> None:
    found = read("2026-11-30 18:23:50.5+03:30")
    assert (found, found.utcoffset()) == (datetime(2026, 11, 30, 14, 53, 50, 500000, UTC), timedelta(0))


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "10000-01-01 00:00+00", "0044-03-15 12:00+00 BC"])
def test_a_moment_that_python_does_not_have_is_an_error_of_the_database(moment: str) -> None:
    with pytest.raises(DataError):
        read(moment)
