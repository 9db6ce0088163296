"""The figures for `/metrics`, in a fixed number of queries for any number of environments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Max, Q
from django.utils import timezone

from trustyard import models

from . import delivery, receipts, releases
from .delivery import Row

EXPIRING_DAYS = (7, 30)
NODE_STATES = tuple(state for state in delivery.WORST_FIRST if state != "superseded")  # of the newest release
GATEWAY_STATES = ("not joined", *NODE_STATES)
JOB_STATES = ("todo", "doing", "failed")


@dataclass
class Standing:
    """An environment: its newest release, and what its gateways and their nodes say of it."""

    release: int = 0
    gateways: Counter[str] = field(default_factory=Counter)  # by the worst state of their nodes
    nodes: Counter[str] = field(default_factory=Counter)
    behind: int = 0  # gateways with a node that should have the newest release and does not
    undelivered_seconds: float = 0.0  # since such a gateway lacks a release, of those made after it was added


@dataclass
class Ends:
    """Entries that are not revoked, by environment name and the end of their validity."""

    expired: Counter[str]
    expiring: dict[int, Counter[str]]  # by days: valid now and not then


@dataclass
class Figures:
    """Everything at one moment, by environment name where it is of one."""

    environments: dict[str, Standing]
    audit_events: int
    jobs: Counter[str]


def read() -> Figures:
    """The figures of now."""
    names, now = _names(), timezone.now()
    head = models.AuditHead.objects.filter(pk=1).values_list("events", flat=True).first()
    return Figures(_standings(names, now), head or 0, _jobs())


def ends() -> Ends:
    """Counted by the index on the end of validity, which among a million entries takes a second.

    Revoked entries trouble nobody any more.
    """
    names, now = _names(), timezone.now()
    moments = {days: now + timedelta(days=days) for days in EXPIRING_DAYS}
    soon = models.Entry.objects.filter(revoked_at__isnull=True, x509__not_after__lt=max(moments.values())).order_by()
    counts = {
        f"within_{days}": Count("pk", filter=Q(x509__not_after__gte=now, x509__not_after__lt=end))
        for days, end in moments.items()
    }
    counts["over"] = Count("pk", filter=Q(x509__not_after__lt=now))
    expired: Counter[str] = Counter()
    expiring: dict[int, Counter[str]] = {days: Counter() for days in EXPIRING_DAYS}
    rows = soon.values("environment_id").annotate(**counts)
    for place, *ending, ended in rows.values_list("environment_id", *counts):
        if place in names:
            expired[names[place]] = ended
            for days, count in zip(EXPIRING_DAYS, ending, strict=True):
                expiring[days][names[place]] = count
    return Ends(expired, expiring)


def _names() -> dict[int, str]:
    return dict(models.Environment.objects.order_by().values_list("pk", "name"))


def _standings(names: dict[int, str], now: datetime) -> dict[str, Standing]:
    """As the screen shows each release's gateways, for all environments at once."""
    standings = {name: Standing() for name in names.values()}
    newest = {place: release.id for place, release in releases.latest_of_all().items() if place in names}
    numbers = dict(models.Release.objects.filter(pk__in=newest.values()).values_list("environment_id", "number"))
    said: dict[int, dict[str, models.Receipt]] = {}
    for receipt in models.Receipt.objects.filter(release_id__in=newest.values()).order_by():
        said.setdefault(receipt.gateway_id, {})[receipt.node] = receipt
    late: list[models.Gateway] = []
    for gateway in models.Gateway.objects.filter(environment_id__in=newest).prefetch_related("nodes").order_by():
        standing, words = standings[names[gateway.environment_id]], said.get(gateway.pk, {})
        rows = delivery.rows_of_gateway(gateway, words, superseded=False)
        joined = [row for row in rows if row.joined]
        standing.gateways[delivery.overall(rows) if joined else "not joined"] += 1
        standing.nodes.update(row.state for row in joined)
        if any(_lacks(row, words) for row in joined):
            standing.behind += 1
            late.append(gateway)
    for place, number in numbers.items():
        standings[names[place]].release = number
    for place, since in _undelivered(late, numbers).items():
        standings[names[place]].undelivered_seconds = max(0.0, (now - since).total_seconds())
    return standings


def _lacks(row: Row, words: dict[str, models.Receipt]) -> bool:
    """A node that left before it said anything is no reason to worry: where nodes come and go that happens all day."""
    return row.state not in receipts.TAKEN and not (row.state == "unreachable" and row.node not in words)


def _undelivered(late: Sequence[models.Gateway], newest: dict[int, int]) -> dict[int, datetime]:
    """By environment since when one of its late gateways lacks a release; numbers have no gaps."""
    taken = models.Receipt.objects.filter(gateway__in=[one.pk for one in late], state__in=receipts.TAKEN).order_by()
    last = dict(taken.values("gateway_id").annotate(number=Max("release__number")).values_list("gateway_id", "number"))
    # Where one of its nodes has the newest, that is what the others lack.
    missed = {one.pk: min(newest[one.environment_id], last.get(one.pk, 0) + 1) for one in late}
    rows = models.Release.objects.filter(environment_id__in=newest, number__in=set(missed.values())).order_by()
    made = {(place, number): at for place, number, at in rows.values_list("environment_id", "number", "created_at")}
    since: dict[int, datetime] = {}
    for gateway in late:
        place = gateway.environment_id
        # What was before it, it did not miss. The environment may be gone by now, with its releases.
        at = max(made.get((place, missed[gateway.pk]), gateway.created_at), gateway.created_at)
        since[place] = min(since.get(place, at), at)
    return since


def _jobs() -> Counter[str]:
    """Jobs by state, on PostgreSQL, where they are in the database; those that succeeded are not counted."""
    if connection.vendor != "postgresql":
        return Counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return Counter()
        cursor.execute(
            "SELECT status::text, count(*) FROM procrastinate_jobs WHERE status::text = ANY(%s) GROUP BY 1",
            [list(JOB_STATES)],
        )
        return Counter(dict.fromkeys(JOB_STATES, 0) | dict(cursor.fetchall()))
