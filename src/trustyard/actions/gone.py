"""Disconnected nodes: only the newest of each gateway are kept, since a node may use a new name each time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial

import structlog
from django.db import transaction
from django.db.models import Count, F, QuerySet

from trustyard import models
from trustyard.models.batches import batches

from . import receipts
from .retries import retried

log = structlog.get_logger(__name__)
KEPT = 5_000  # of one gateway, besides those that are connected
EVERY = 500  # nodes that connect or disconnect between two prunings of a gateway
_counting = threading.Lock()
_moved: Counter[int] = Counter()  # by gateway, since it was looked at last


def moved(gateways: Iterable[int]) -> None:
    """Counts nodes that connected or disconnected, by the ids of their gateways, and prunes after the commit.

    That happens every `EVERY` nodes. A node that came and went between two writes is counted once.
    """
    with _counting:
        _moved.update(gateways)
        due = [gateway_id for gateway_id, count in _moved.items() if count >= EVERY]
        for gateway_id in due:
            del _moved[gateway_id]
    for gateway_id in due:
        transaction.on_commit(partial(forget, gateway_id), robust=True)


def forget_all() -> int:
    """Prunes the disconnected nodes of every gateway, as `forget` does; returns how many were removed."""
    counted = models.Node.objects.filter(connected=False).order_by().values("gateway_id").annotate(nodes=Count("pk"))
    return sum(forget(gateway_id) for gateway_id in counted.filter(nodes__gt=KEPT).values_list("gateway_id", flat=True))


def forget(gateway_id: int) -> int:
    """Removes the nodes of this gateway that left longest ago, but for the last `KEPT`; returns how many.

    Their receipts for the release in force are removed with them, so that each such receipt belongs to a known node;
    receipts for older releases are history and stay. A connected node is never removed.
    """
    rows = models.Node.objects.filter(gateway_id=gateway_id, connected=False).order_by("-last_seen", "-pk")
    beyond = list(rows.values_list("name", flat=True)[KEPT:])
    count = sum(_forget(gateway_id, some) for some in batches(beyond))
    if count:
        log.info("nodes.forgotten", gateway_id=gateway_id, count=count, kept=KEPT)
    return count


@retried
def _forget(gateway_id: int, names: Sequence[str]) -> int:
    with transaction.atomic():
        # Receipts before nodes, the order in which both are locked elsewhere. A node that came back meanwhile is kept.
        receipts.in_order(_said(gateway_id, names))
        nodes = models.Node.objects.filter(gateway_id=gateway_id, connected=False, name__in=names).order_by("name")
        gone = list(nodes.select_for_update(no_key=True).values_list("name", flat=True))
        _said(gateway_id, gone).delete()
        return models.Node.objects.filter(gateway_id=gateway_id, name__in=gone).delete()[0]


def _said(gateway_id: int, names: Sequence[str]) -> QuerySet[models.Receipt]:
    """The receipts of these nodes on the release in force."""
    newest = models.Release.objects.filter(
        environment__gateways=gateway_id, number=F("environment__last_number")
    ).values_list("pk", flat=True)
    return models.Receipt.objects.filter(release__in=list(newest), gateway_id=gateway_id, node__in=names)
