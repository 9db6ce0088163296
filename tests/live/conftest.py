"""What the tests against a real Envoy share: the folder of its files, and a control plane of ours in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.stage import Stage
from tests.xds.memory import ControlPlane


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("envoy"))


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as plane:
        yield plane
