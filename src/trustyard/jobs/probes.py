"""Looks at gateways' listeners after a delivery and regularly from then on: what is in force can be lost again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog

from trustyard.actions import news, proofs
from trustyard.actions.proofs import Wanted
from trustyard.models.connections import looked_after

log = structlog.get_logger(__name__)
WORKERS = 4
EVERY_SECONDS = 60.0  # a listener where all is well, give or take a fifth
FIRST_PAUSE = 2.0  # after a look that found it otherwise; twice as long each time, up to EVERY_SECONDS


def observe(one: Wanted, redeliver: Callable[[int], None]) -> bool:
    """Looks at one listener; whether it was as wanted. `redeliver` is called with the id of a gateway that drifted."""
    state = None
    said = {"environment": one.gateway.environment, "gateway": one.gateway.name, "release": one.number}
    try:
        state = proofs.observe(one)
        if state == "drifted":
            redeliver(one.gateway.id)
            if one.gateway.kind == "envoy":  # agents that refused their release would try it at every look
                news.tell(one.gateway.environment)  # streams say again what they should have
    except Exception:  # the database, most likely; the next look comes
        log.exception("probe.failed", **said)
    if state in proofs.ALARMS:
        log.warning("probe.alarm", state=state, address=one.probe.address, **said)
    return state in ("observed", "accepted")


def pause_after(misses: int) -> float:
    """Seconds until the next look at a listener that was found otherwise this many times in a row."""
    pause = min(EVERY_SECONDS, FIRST_PAUSE * 2 ** min(misses - 1, 10)) if misses else EVERY_SECONDS
    return pause * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, no secret


@dataclass
class _Turn:
    number: int
    due: float
    misses: int = 0


@dataclass
class Probes:
    """A bounded pool, one look at a time for each listener."""

    redeliver: Callable[[int], None] = lambda gateway_id: None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _busy: set[tuple[int, str]] = field(default_factory=set)
    _turns: dict[tuple[int, str], _Turn] = field(default_factory=dict)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(WORKERS, "probe"))

    def look(self) -> None:
        """Starts a look at each listener that is due."""
        with looked_after():
            found = proofs.wanted()
        with self._lock:
            keys = {_key(one) for one in found}
            self._turns = {key: turn for key, turn in self._turns.items() if key in keys}
            for one in found:
                if self._is_due(one) and _key(one) not in self._busy:
                    self._busy.add(_key(one))
                    self._submit(one)

    def stop(self) -> None:
        """Waits for running looks to end, and starts no other."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _is_due(self, one: Wanted) -> bool:
        turn = self._turns.get(_key(one))
        return turn is None or turn.number != one.number or turn.due <= time.monotonic()

    def _submit(self, one: Wanted) -> None:
        try:
            self._pool.submit(self._observe, one)
        except RuntimeError:  # the pool was shut down
            self._busy.discard(_key(one))

    def _observe(self, one: Wanted) -> None:
        well = False
        try:
            with looked_after():
                well = observe(one, self.redeliver)
        finally:
            self._next(one, well=well)

    def _next(self, one: Wanted, *, well: bool) -> None:
        with self._lock:
            before = self._turns.get(_key(one))
            misses = 0 if well else (before.misses + 1 if before and before.number == one.number else 1)
            self._turns[_key(one)] = _Turn(one.number, time.monotonic() + pause_after(misses), misses)
            self._busy.discard(_key(one))


def _key(one: Wanted) -> tuple[int, str]:
    return one.gateway.id, one.probe.address
