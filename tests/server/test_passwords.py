"""What strangers may have done with passwords."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.server.serving import Serving, sign_in

MORE = 350  # MB: two at a time take 200, eight at once took 570


def test_many_sign_ins_at_once_fit_into_a_container(tmp_path: Path) -> None:
    with Serving(tmp_path / "data") as server, ThreadPoolExecutor(8) as strangers:

        def most() -> int:
            status = Path(f"/proc/{server.process.pid}/status").read_text()
            found = re.search(r"VmHWM:\s+(\d+) kB", status)
            assert found
            return int(found[1]) // 1024

        def guess(number: int) -> bool:
            with httpx.Client(trust_env=False, timeout=60) as browser:
                return sign_in(browser, server.url, f"nobody{number}", "a wrong password")

        assert not guess(0)
        before = most()
        assert list(strangers.map(guess, range(1, 9))) == [False] * 8
        assert most() - before < MORE
