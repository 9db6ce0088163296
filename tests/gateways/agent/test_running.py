"""The agent's loop: how often it tries what its host refuses, and what it says where it cannot have its folder."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.gateways.agent.test_host import configuration, release
from tests.gateways.releases import ders, material, write_as_before
from tests.pki.handmade import compressed
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
        self.words: list[str] = []

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
        self.words.append(receipt.detail)
        return True


def test_what_is_refused_is_tried_again_later_and_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "AGAIN_SECONDS", {"refused": (0.2, 60.0)})
    (tmp_path / "agent").mkdir()
    server: Any = Server()
    Agent(configuration(tmp_path / "agent", check={"command": ["false"]}), server, lambda _: None).run()
    pauses = [after - before for before, after in itertools.pairwise(server.moments)]
    assert all(pause >= least for pause, least in zip(pauses, (0.1, 0.2, 0.4), strict=True)), pauses
    assert server.told == ["refused"] * 3


def test_a_start_writes_anew_what_a_version_before_wrote_and_nothing_else(tmp_path: Path) -> None:
    """The agent is upgraded: number and digest are those of before, and Java would refuse what is there."""
    folder, server = tmp_path / "agent", Server()
    folder.mkdir()
    server.given = Given(material(1, {"acme": ders()[0], "odd": compressed()}), allow_older=False)
    reload = {"command": ["sh", "-c", f"echo reloaded >> {tmp_path}/said"]}

    def start() -> Any:
        said: Any = server
        return Agent(configuration(folder, reload=reload), said, lambda _: None).once()

    jks = folder / "current" / "truststore.jks"
    assert start() == "accepted"
    right = jks.read_bytes()
    assert start() is None
    assert (tmp_path / "said").read_text() == "reloaded\n"
    write_as_before(folder / "current", server.given.material)
    assert jks.read_bytes() != right
    assert start() == "accepted"
    assert jks.read_bytes() == right
    assert (tmp_path / "said").read_text() == "reloaded\n" * 2
    assert server.words[0] == server.words[-1], "the word on it says what Java lacks, also after a start"
    assert "odd" in server.words[0]


def test_a_folder_that_cannot_be_made_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        of_it = configuration(folder)
        with pytest.raises(Refused, match=f"{folder} cannot be used: "):
            Agent(of_it, Trustyard(of_it), print).once()
