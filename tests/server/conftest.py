"""One real server for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .serving import Serving


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Started once; tests use names of their own."""
    with Serving(tmp_path_factory.mktemp("server") / "data") as serving:
        yield serving
