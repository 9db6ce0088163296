"""The systemd units of the nightly backup are ones that systemd takes, and their line is one that a shell runs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.programs import ROOT, need
from tests.server.serving import PROGRAM, environment, run

UNITS = ROOT / "deploy" / "systemd"


def test_the_units_are_what_systemd_takes(tmp_path: Path) -> None:
    analyze = need("systemd-analyze", package="systemd")
    for name in ("trustyard-backup.service", "trustyard-backup.timer"):
        (tmp_path / name).write_text((UNITS / name).read_text())
    units = [str(tmp_path / name) for name in ("trustyard-backup.service", "trustyard-backup.timer")]
    done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_its_line_writes_a_backup_that_can_be_restored(tmp_path: Path) -> None:
    run(tmp_path / "data", "token", "create", "one")
    found = re.search(r"^ExecStart=/bin/sh -c '(.+)'$", (UNITS / "trustyard-backup.service").read_text(), re.MULTILINE)
    assert found
    line = found[1].replace("%%", "%").replace("/opt/trustyard/bin/trustyard", PROGRAM)
    line = line.replace("/var/backups/trustyard", str(tmp_path))
    subprocess.run(["sh", "-c", line], env=environment(tmp_path / "data"), check=True, capture_output=True, timeout=60)
    (made,) = tmp_path.glob("20*.backup")
    run(tmp_path / "again", "restore", str(made))
    assert "one" in run(tmp_path / "again", "token", "list").stdout
