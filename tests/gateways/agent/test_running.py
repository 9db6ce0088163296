"""The agent's loop: how often it tries what its host refuses, and what it says where it cannot have its folder."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.gateways.agent.test_host import configuration, release
from tests.gateways.releases import ders
from trustyard.errors import Refused
from trustyard.gateways.agent import running
from trustyard.gateways.agent.pulling import Trustyard
from trustyard.gateways.agent.running import Agent, Stopped
from trustyard.gateways.agent.wire import Given


class Server:
    """As Trustyard with one release, which it gives to whoever has another; at the fourth time the agent is ended."""

    edition = "one"

    def __init__(self) -> None:
        self.given = Given(release(1, ders()[0]), allow_older=False)
        self.moments: list[float] = []
        self.told: list[str] = []

    def ask(self, have: str, wait: float) -> Given | None:
        if have == self.given.version:
            threading.Event().wait(wait)
            return None
        self.moments.append(time.monotonic())
        if len(self.moments) == 4:
            raise Stopped
        return self.given

    def tell(self, release: str, receipt: Any) -> bool:
        assert release == self.given.version
        self.told.append(receipt.state)
        return True


def test_what_is_refused_is_tried_again_later_and_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "AGAIN_SECONDS", {"refused": (0.2, 60.0)})
    (tmp_path / "agent").mkdir()
    server: Any = Server()
    Agent(configuration(tmp_path / "agent", check={"command": ["false"]}), server, lambda _: None).run()
    pauses = [after - before for before, after in itertools.pairwise(server.moments)]
    assert all(pause >= least for pause, least in zip(pauses, (0.1, 0.2, 0.4), strict=True)), pauses
    assert server.told == ["refused"] * 3


def test_a_folder_that_cannot_be_made_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        of_it = configuration(folder)
        with pytest.raises(Refused, match=f"{folder} cannot be used: "):
            Agent(of_it, Trustyard(of_it), print).once()
