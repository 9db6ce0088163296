"""A moment for tests, for the core looks at no clock."""

from datetime import UTC, datetime

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
