"""An agent that cannot have its folder says so in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from trustyard.errors import Refused
from trustyard.gateways.agent.configuration import Configuration
from trustyard.gateways.agent.pulling import Trustyard
from trustyard.gateways.agent.running import Agent


def test_a_folder_that_cannot_be_made_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        given = {"address": "http://127.0.0.1:9", "environment": "test", "token": "none", "folder": folder}
        configuration = Configuration.model_validate(given)
        with pytest.raises(Refused, match=f"{folder} cannot be used: "):
            Agent(configuration, Trustyard(configuration), print).once()
