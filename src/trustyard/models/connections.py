"""Database connections of threads that serve no request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import close_old_connections


@contextmanager
def looked_after() -> Iterator[None]:
    """After a request Django looks whether its connection still lives; these threads must ask for that themselves."""
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()
