"""Database connections of threads that serve no request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import close_old_connections


@contextmanager
def looked_after() -> Iterator[None]:
    """A context that closes broken or old connections, as Django does around each request."""
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()
