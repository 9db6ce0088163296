"""The runner of nodes that share their jobs, on PostgreSQL: it enqueues what is due, and may work on the queue."""

from __future__ import annotations

from collections.abc import Callable

from trustyard.actions import delivery, news, proofs
from trustyard.models.connections import looked_after

from . import queue
from .deliveries import Told
from .rounds import Rounds
from .runner import LOOK_SECONDS
from .tasks import deliver_to, look_at, probe_key
from .worker import Worker


class Queued:
    """As `Runner`, for nodes that share their jobs. Without `works` it only enqueues, for other processes."""

    def __init__(self, told: Told, *, works: bool = True, ready: Callable[[], None] = lambda: None) -> None:
        self._looked = False
        self._worker = Worker(told, ready) if works else None
        self._rounds = (
            Rounds("deliveries", self._look, LOOK_SECONDS, jitter=0.2),
            Rounds("probes", self._look_for_probes, LOOK_SECONDS, jitter=0.2),
        )
        self._unsubscribe = news.subscribe_within(_enqueue)

    @property
    def are_taken(self) -> bool:
        """Whether this process takes jobs at this moment: not before its start, nor while the database is away."""
        return self._worker is not None and self._worker.takes_jobs

    def start(self) -> None:
        """Every gateway once, then those that are behind; on news at once, for news enqueues in its transaction."""
        for rounds in self._rounds:
            rounds.start()
        if self._worker:
            self._worker.start()

    def stop(self) -> None:
        """Starts no more looks, and waits for running jobs to end."""
        for rounds in self._rounds:
            rounds.stop()
        if self._worker:
            self._worker.stop()
        self._unsubscribe()

    def _look(self) -> None:
        """The fallback: a notification can be lost, and so can a job."""
        with looked_after():
            waiting = delivery.behind()
            if not self._looked:  # what was given to gateways before this start may be lost
                waiting, self._looked = delivery.pushed(), True
            # What is under way already has its own patience.
            known = queue.arguments_of("deliver") if waiting else {}
            queue.add(one for one in deliver_to(waiting) if one.queueing_lock not in known)

    def _look_for_probes(self) -> None:
        with looked_after():
            found = {probe_key(one): one for one in proofs.wanted()}
            known = queue.arguments_of("probe") if found else {}
            queue.add(look_at(one) for key, one in found.items() if key not in known)
            # Another release: it is looked at now, and not when the turn of the one before would have come.
            queue.put(look_at(one) for key, one in found.items() if key in known and known[key]["number"] != one.number)


def _enqueue(environment: str) -> None:
    """Enqueues a delivery to each gateway of the environment for now, also to those that are to be tried later."""
    queue.put(deliver_to(delivery.pushed(environment)))
