"""Which of the gateways that are refused have a line in the log: one that tries again and again cannot fill it."""

from __future__ import annotations

import time

QUIET_SECONDS = 60.0  # between two lines about one address
MOST = 10  # addresses that have a line in that time: who has a network of them cannot fill the log either


class Strangers:
    """Those that one door refuses. To be used from one thread."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}  # by address
        self._count = 0

    def count(self, address: str) -> int:
        """How many were refused since the last line, where there shall be one about this address now; else 0."""
        now = time.monotonic()
        self._count += 1
        self._told = {one: at for one, at in self._told.items() if now - at < QUIET_SECONDS}
        if address in self._told or len(self._told) >= MOST:
            return 0
        self._told[address] = now
        count, self._count = self._count, 0
        return count
