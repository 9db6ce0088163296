"""The systemd unit of the agent is one that systemd takes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.programs import ROOT, need


def test_the_unit_is_what_systemd_takes(tmp_path: Path) -> None:
    analyze = need("systemd-analyze", package="systemd")
    unit = tmp_path / "trustyard-agent.service"
    text = (ROOT / "docs" / "gateways" / "trustyard-agent.service").read_text()
    unit.write_text(text.replace("/opt/trustyard/bin/trustyard", "/bin/true"))  # the program is not installed there
    done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
