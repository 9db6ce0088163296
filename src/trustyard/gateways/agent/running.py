"""The loop of an agent: asks, applies, reports; waits longer while Trustyard is away or a release is refused."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from trustyard.errors import InputRefused, Refused
from trustyard.gateways import folders
from trustyard.gateways.receipts import Receipt, State

from . import state
from .configuration import Configuration
from .host import Host
from .pulling import Away, Trustyard
from .state import Handled
from .wire import Given

Say = Callable[[str], None]
AWAY_SECONDS = (0.5, 60.0)  # the first pause and the longest, when Trustyard is away
AGAIN_SECONDS = {"refused": (10.0, 600.0), "unreachable": (1.0, 60.0)}  # before a release is tried once more


class Stopped(BaseException):
    """Raised by a signal at a moment when nothing is being changed."""


class Agent:
    """One agent on one folder. `run` and `once` raise Refused when the folder cannot be had."""

    def __init__(self, configuration: Configuration, trustyard: Trustyard, say: Say) -> None:
        self._configuration = configuration
        self._trustyard = trustyard
        self._say = say
        self._host = Host(configuration)
        self._handled: Handled | None = None
        self._reported: str | None = None  # the edition under which the last word was handed in
        self._compared = False  # what is on disk with what Trustyard has: another version may have written it otherwise
        self._failures = 0
        self._again_at = 0.0
        self._stop = _Stop()

    def run(self) -> None:
        """Runs until SIGTERM or SIGINT."""
        with self._stop.heard(), self._folder(), suppress(Stopped):
            self._begin()
            away = 0
            while True:
                try:
                    self._turn(self._configuration.wait)
                    away = 0
                except Away as error:
                    pause = _pause(AWAY_SECONDS, away)
                    self._say(f"{error} Again in {pause:.1f} seconds.")
                    away += 1
                    self._stop.sleep(pause)

    def once(self) -> State | None:
        """Asks once, without waiting: what came of it, or None when nothing was new. Raises Away."""
        with self._stop.heard(), self._folder():
            self._begin()
            before = self._handled.receipt if self._handled else None
            try:
                self._turn(0)
                self._report()
            except Stopped:
                raise Away("The agent was told to end.") from None
            handled = self._handled
            return handled.receipt.state if handled and handled.receipt is not before else None

    @contextmanager
    def _folder(self) -> Iterator[None]:
        place = self._configuration.folder
        try:
            with folders.locked(place, folders.FOR_OTHERS, seconds=0):
                yield
        except TimeoutError:
            raise Refused(f"Another agent runs on {place}.", code="agent-folder") from None
        except OSError as error:
            raise Refused(f"{place} cannot be used: {error.strerror or error}.", code="agent-folder") from None

    def _begin(self) -> None:
        """Finishes a change that a kill interrupted; a release that was refused last is tried once more."""
        try:
            self._handled = state.read_handled(self._configuration.folder)  # Trustyard may have lost it: say it again
            cut_off = self._host.recover()
            standing = self._host.in_force()
        except OSError as error:
            self._say(f"The folder cannot be looked at: {error}.")
            return
        if cut_off:
            self._handle(*cut_off)
        elif standing and not (self._handled and self._handled.release == standing):
            # Killed between the change and the word on it. What was refused since then is sent and judged once more.
            words = f"release {standing.partition('.')[0]} is current"
            self._handle(standing, Receipt(self._configuration.node, "accepted", words))

    def _turn(self, wait: float) -> None:
        self._report()
        have = self._have()
        if self._again_at:
            wait = max(0.0, min(wait, self._again_at - time.monotonic()))
        wait *= random.uniform(0.8, 1)  # noqa: S311 - jitter, no secret
        asked = time.monotonic()
        with self._stop.allowed():
            given = self._trustyard.ask(have, wait)
        self._compared = True
        if given is None:
            if time.monotonic() - asked < wait:  # it was deployed again, or the gateway has other options
                self._again_at = 0.0
            return
        if self._stands(given):
            self._reported = None  # it was noted as sent
            return
        receipt = self._host.apply(given)
        self._handle(given.version, receipt)

    def _stands(self, given: Given) -> bool:
        """Whether this is in force, and the word on it known: the release of before a start, asked for once more."""
        known = self._handled and (self._handled.release, self._handled.receipt.state)
        try:
            return known == (given.version, "accepted") and self._host.has(given.material)
        except (OSError, InputRefused):  # in the receipt
            return False

    def _have(self) -> str:
        """What Trustyard need not send: what is in force, or what was refused, until it is to be tried again.

        At a start it sends the release anyway.
        """
        if not self._compared:
            return ""
        if self._again_at and self._handled and time.monotonic() < self._again_at:
            return self._handled.release
        self._again_at = 0.0
        try:
            return self._host.in_force()
        except OSError:  # it is given its release anew, and says what is wrong when it cannot make it current
            return ""

    def _handle(self, release: str, receipt: Receipt) -> None:
        self._say(f"Release {release.partition('.')[0]} {receipt.state}: {receipt.detail}")
        same = self._handled is not None and self._handled.release == release
        self._handled, self._reported = Handled(release, receipt), None
        if receipt.state == "accepted":
            self._failures, self._again_at = 0, 0.0
        else:
            self._failures = self._failures + 1 if same else 0
            self._again_at = time.monotonic() + _pause(AGAIN_SECONDS[receipt.state], self._failures)
        with suppress(OSError):  # a full disk: after a restart it is not reported again
            state.write_handled(self._configuration.folder, self._handled)

    def _report(self) -> None:
        handled = self._handled
        if handled is None or self._reported == self._trustyard.edition:
            return
        with self._stop.allowed():
            if not self._trustyard.tell(handled.release, handled.receipt):
                self._say(f"Trustyard does not know release {handled.release.partition('.')[0]}.")
        self._reported = self._trustyard.edition


class _Stop:
    """Handles SIGTERM and SIGINT: at once while waiting, else after the running change of release."""

    def __init__(self) -> None:
        self._wanted = False
        self._may = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """A context in which a signal ends the agent."""
        self._may = True
        try:
            if self._wanted:
                raise Stopped
            yield
        finally:
            self._may = False

    def sleep(self, seconds: float) -> None:
        with self.allowed():
            time.sleep(seconds)

    def _signal(self, number: int, frame: object) -> None:
        self._wanted = True
        if self._may:
            raise Stopped


def _pause(bounds: tuple[float, float], failures: int) -> float:
    first, longest = bounds
    pause: float = min(longest, first * 2 ** min(failures, 20))
    return pause * random.uniform(0.5, 1)  # noqa: S311 - jitter, no secret
