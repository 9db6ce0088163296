"""Makes gateways look like their newest release: what is wanted is compared with what was reported, again and again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog

from trustyard.actions import delivery
from trustyard.actions.delivery import GatewayGiven
from trustyard.models.connections import looked_after

from .bringing import bring

log = structlog.get_logger(__name__)
WORKERS = 4
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
Told = Callable[[str, str], None]  # the kind of the gateway and the state of the receipt, for the metrics


def pause_after(attempts: int) -> float:
    """Seconds until a gateway is tried again after this many failures: twice as long each time."""
    pause: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempts, 10))
    return pause * random.uniform(0.5, 1)  # noqa: S311 - jitter, no secret


@dataclass
class Patience:
    """When a gateway that did not take its release is tried next."""

    number: int
    attempts: int = 0
    due: float = 0.0

    def failed(self) -> None:
        self.due = time.monotonic() + pause_after(self.attempts)
        self.attempts += 1


@dataclass
class Deliveries:
    """A bounded pool, one delivery at a time for each gateway. Everything it knows can be lost without harm."""

    told: Told = lambda kind, state: None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _busy: set[int] = field(default_factory=set)
    _again: set[int] = field(default_factory=set)
    _patience: dict[int, Patience] = field(default_factory=dict)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(WORKERS, "deliver"))

    def look(self) -> None:
        """Starts a delivery for each gateway that is behind, unless one is under way or it is to be left alone."""
        with looked_after():
            self._start(delivery.behind())

    def look_at_all(self) -> None:
        """The same for every gateway that is pushed to, so that what was changed or lost meanwhile is repaired."""
        with looked_after():
            self._start(delivery.pushed())

    def redeliver(self, gateway_id: int) -> None:
        """Starts a delivery to one gateway that is pushed to, though it said that it has its release."""
        with looked_after():
            gateway = delivery.one_pushed(gateway_id)
            self._start([gateway] if gateway is not None else [])

    def try_again(self) -> None:
        """There is news: gateways that failed are tried at once, at worst once too often."""
        with self._lock:
            self._patience.clear()

    def stop(self) -> None:
        """Waits for running deliveries to end, and starts no other."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, gateways: Iterable[GatewayGiven]) -> None:
        now = time.monotonic()
        for gateway in gateways:
            with self._lock:
                patience = self._patience.get(gateway.id)
                if gateway.id in self._busy:
                    self._again.add(gateway.id)  # what is being delivered may be older than what is wanted now
                elif not (patience and patience.due > now):
                    self._busy.add(gateway.id)
                    self._submit(gateway)

    def _submit(self, gateway: GatewayGiven) -> None:
        try:
            self._pool.submit(self._deliver, gateway)
        except RuntimeError:  # the pool was shut down
            self._busy.discard(gateway.id)

    def _deliver(self, gateway: GatewayGiven) -> None:
        try:
            with looked_after():
                self._bring(gateway)
        except Exception:  # the database, most likely; the next look comes in two seconds
            log.exception("delivery.failed", environment=gateway.environment, gateway=gateway.name)
        finally:
            with self._lock:
                self._busy.discard(gateway.id)
                again = gateway.id in self._again
                self._again.discard(gateway.id)
            if again:
                self._look_on()

    def _look_on(self) -> None:
        try:
            self.look()
        except Exception:
            log.exception("delivery.look_failed")

    def _bring(self, gateway: GatewayGiven) -> None:
        brought = bring(gateway.id)
        if brought is None:
            return
        self.told(gateway.kind, brought.receipt.state)
        with self._lock:
            if brought.accepted:
                self._patience.pop(gateway.id, None)
                return
            patience = self._patience.get(gateway.id)
            if patience is None or patience.number != brought.number:
                patience = self._patience[gateway.id] = Patience(brought.number)
            patience.failed()
