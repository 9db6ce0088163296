"""The jobs that nodes share on PostgreSQL, each done by whichever worker takes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from procrastinate import Blueprint, JobContext
from procrastinate.jobs import Job

from trustyard.actions import delivery, proofs
from trustyard.actions.delivery import GatewayGiven
from trustyard.actions.proofs import Wanted

from . import cleaning, deliveries, probes, queue
from .bringing import bring

OLD_HOURS = 24  # failed jobs can be looked up this long; successful ones are deleted at once
tasks = Blueprint()


def deliver_to(gateways: Iterable[GatewayGiven], *, priority: int = queue.USUAL) -> list[Job]:
    """A delivery to each of these, for now."""
    return [delivery_to(gateway.id, priority=priority) for gateway in gateways]


def delivery_to(gateway_id: int, *, priority: int = queue.USUAL) -> Job:
    """A delivery to one gateway, for now."""
    return queue.job("deliver", _key(gateway_id), priority=priority, gateway_id=gateway_id)


@tasks.task(name="deliver", pass_context=True)
def deliver(context: JobContext, gateway_id: int, number: int = 0, failures: int = 0) -> None:
    """Delivers the newest release to a gateway; where it is not taken, it is tried again later.

    `failures` is how often it has refused the release of this number.
    """
    brought = bring(gateway_id)
    # A job enqueued meanwhile waits under the same key, and no worker would take it before its next poll.
    while queue.take_over(_key(gateway_id)):
        brought = bring(gateway_id)
    if brought is None:
        return
    context.additional_context["told"](brought.kind, brought.receipt.state)
    if not brought.accepted:
        before = failures if brought.number == number else 0
        pause = deliveries.pause_after(before)
        arguments: dict[str, Any] = {"gateway_id": gateway_id, "number": brought.number, "failures": before + 1}
        queue.add([queue.job("deliver", _key(gateway_id), pause=pause, **arguments)])


@tasks.task(name="probe")
def probe(gateway_id: int, address: str, number: int, misses: int = 0) -> None:
    """Looks at a listener, and again after a while, for as long as it is to be looked at."""
    one = next((found for found in proofs.wanted(gateway_id) if found.probe.address == address), None)
    if one is None:
        return
    well = probes.observe(one, lambda _: queue.put([delivery_to(gateway_id)]))
    misses = 0 if well else (misses + 1 if one.number == number else 1)
    queue.add([look_at(one, misses=misses, pause=probes.pause_after(misses))])


def look_at(one: Wanted, *, misses: int = 0, pause: float = 0.0) -> Job:
    """A look at a listener, after these seconds."""
    return queue.job(
        "probe", probe_key(one), pause=pause,
        gateway_id=one.gateway.id, address=one.probe.address, number=one.number, misses=misses,
    )  # fmt: skip


def probe_key(one: Wanted) -> str:
    """The key under which looks at this listener are enqueued."""
    return f"listener {one.probe.address} of gateway {one.gateway.id}"


@tasks.periodic(cron="* * * * *")
@tasks.task(name="read_back", queue=queue.QUEUE, queueing_lock="read back")
def read_back(timestamp: int) -> None:
    """Checks that gateways still have what they were given."""
    del timestamp
    queue.add(deliver_to(delivery.pushed(), priority=queue.LOW))


@tasks.periodic(cron="7 * * * *")
@tasks.task(name="clean", queue=queue.QUEUE, queueing_lock="clean")
def clean(timestamp: int) -> None:
    """The clean-up, once an hour on any node."""
    del timestamp
    cleaning.clean()


@tasks.periodic(cron="17 * * * *")
@tasks.task(name="remove_old_jobs", queue=queue.QUEUE, queueing_lock="remove old jobs", pass_context=True)
async def remove_old_jobs(context: JobContext, timestamp: int) -> None:
    """Deletes failed jobs after a day."""
    del timestamp
    manager = context.app.job_manager
    await manager.delete_old_jobs(OLD_HOURS, include_failed=True, include_cancelled=True, include_aborted=True)


def _key(gateway_id: int) -> str:
    return f"gateway {gateway_id}"
