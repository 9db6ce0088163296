"""What journeys share: the console in a browser."""

from __future__ import annotations

from tests.journeys.console import browser, console, context, rest, served, signed_in

__all__ = ["browser", "console", "context", "rest", "served", "signed_in"]
