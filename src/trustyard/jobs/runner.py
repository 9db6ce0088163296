"""The timer of the jobs: on news at once, every two seconds anyway, and every hour for the clean-up."""

from __future__ import annotations

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from trustyard.actions import news

from .cleaning import clean
from .deliveries import Deliveries, Told
from .probes import Probes

LOOK_SECONDS = 2
VERIFY_SECONDS = 60  # what gateways were given is read back from then on: it can be lost without anybody's word
CLEAN_SECONDS = 3600


class Runner:
    """Deliveries and clean-up inside this process. `stop` ends it within the time of a delivery."""

    def __init__(self, told: Told = lambda kind, state: None) -> None:
        self.deliveries = Deliveries(told)
        self.probes = Probes(self.deliveries.redeliver)
        # Missed runs are made up for by one: the jobs are level-triggered.
        self._timer = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(2)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        self._unsubscribe = news.subscribe(self._heard)

    def start(self) -> None:
        """Looks at every gateway once, then keeps looking at those that are behind."""
        self._timer.add_job(self.deliveries.look_at_all, id="start")
        self._timer.add_job(self.deliveries.look, "interval", seconds=LOOK_SECONDS, id="look")
        verify = self.deliveries.look_at_all
        self._timer.add_job(verify, "interval", seconds=VERIFY_SECONDS, jitter=10, id="verify")
        self._timer.add_job(self.probes.look, "interval", seconds=LOOK_SECONDS, id="probes")
        self._timer.add_job(clean, id="clean at start")
        self._timer.add_job(clean, "interval", seconds=CLEAN_SECONDS, id="clean", jitter=60)
        self._timer.start()

    def stop(self) -> None:
        """No more news, no more looks; deliveries under way end first."""
        self._unsubscribe()
        self._timer.shutdown(wait=True)
        self.probes.stop()
        self.deliveries.stop()

    def _heard(self, environment: str) -> None:
        # In the thread that saved: quick, and harmless when it comes ten times.
        self.deliveries.try_again()
        self._timer.add_job(self.deliveries.look, id="news", replace_existing=True)
