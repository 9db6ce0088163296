"""When the jobs are done: deliveries on news at once, and as probes every two seconds; others every minute or hour."""

from __future__ import annotations

from trustyard.actions import news

from .cleaning import clean
from .deliveries import Deliveries, Told
from .probes import Probes
from .rounds import Rounds
from .statistics import Statistics

LOOK_SECONDS = 2
VERIFY_SECONDS = 60  # between two checks that gateways still have what they were given
COUNT_SECONDS = 60
CLEAN_SECONDS = 3600


class Runner:
    """All jobs of this process, each in a thread of its own. `stop` ends it within the time of a delivery."""

    def __init__(self, told: Told = lambda kind, state: None) -> None:
        self.deliveries = Deliveries(told)
        self.probes = Probes(self.deliveries.redeliver)
        self._look = Rounds("deliveries", self.deliveries.look, LOOK_SECONDS)
        self._rounds = (
            Rounds("reading back", self.deliveries.look_at_all, VERIFY_SECONDS, jitter=10),
            self._look,
            Rounds("probes", self.probes.look, LOOK_SECONDS),
            Rounds("clean-up", clean, CLEAN_SECONDS, jitter=60),
            Rounds("statistics", Statistics().look, COUNT_SECONDS, jitter=5),
        )
        self._unsubscribe = news.subscribe(self._heard)

    def start(self) -> None:
        """Looks at every gateway once, then keeps looking at those that are behind."""
        for rounds in self._rounds:
            rounds.start()

    def stop(self) -> None:
        """Stops listening and looking, and waits for running deliveries to end."""
        self._unsubscribe()
        for rounds in self._rounds:
            rounds.stop()
        self.probes.stop()
        self.deliveries.stop()

    def _heard(self, environment: str) -> None:
        # In the thread that saved: it must be quick, and may be called many times.
        self.deliveries.try_again()
        self._look.now()
