"""The tests of the repository itself: what they read of it is kept for a module's tests, and for nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .repository import modules


@pytest.fixture(scope="module", autouse=True)
def _read_once() -> Iterator[None]:
    yield
    modules.cache_clear()
