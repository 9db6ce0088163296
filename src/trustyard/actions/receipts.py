"""Keeps what nodes say of releases, and that they are there: in a handful of queries, however many they are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from trustyard import models
from trustyard.gateways.receipts import Receipt

Word = tuple[int, int, Receipt]  # of a node of this gateway, on the release of this number
PROVED = ("observed", "drifted", "open")  # found out by a look; the gateway's own word does not undo it
LONGEST_NODE = 200


def record_all(words: Iterable[Word]) -> None:
    """Keeps the newest word of each node on each release, in this order. Idempotent; what is gone is passed over.

    Unanswered older releases of a node become superseded; a node that answers is there.
    """
    with transaction.atomic():
        now = timezone.now()
        rows = _rows(list(words), now)
        proved = _proved(rows)
        for key, row in rows.items():
            row.state = proved.get(key, row.state) if row.state == "accepted" else row.state
        models.Receipt.objects.bulk_create(
            rows.values(),
            update_conflicts=True,
            unique_fields=["release", "gateway", "node"],
            update_fields=["state", "detail", "milliseconds", "at"],
        )
        _supersede(rows.values(), now)
        seen_all((row.gateway_id, row.node, True) for row in rows.values() if row.state != "unreachable")


def seen_all(nodes: Iterable[tuple[int, str, bool]]) -> None:
    """Keeps of each node, by its gateway and name, whether it is connected; the last word counts."""
    now = timezone.now()
    last = {(gateway_id, node[:LONGEST_NODE]): connected for gateway_id, node, connected in nodes}
    there = set(models.Gateway.objects.filter(pk__in={key[0] for key in last}).values_list("pk", flat=True))
    models.Node.objects.bulk_create(
        [
            models.Node(gateway_id=gateway_id, name=node, connected=connected, last_seen=now)
            for (gateway_id, node), connected in last.items()
            if gateway_id in there
        ],
        update_conflicts=True,
        unique_fields=["gateway", "name"],
        update_fields=["connected", "last_seen"],
    )


def _rows(words: list[Word], now: datetime) -> dict[tuple[int, int, str], models.Receipt]:
    """The receipts to keep, by release, gateway and node; of gateways and releases that are still there."""
    gateways = models.Gateway.objects.filter(pk__in={gateway_id for gateway_id, _, _ in words})
    places = dict(gateways.values_list("pk", "environment_id"))
    found = models.Release.objects.filter(
        environment_id__in=set(places.values()), number__in={number for _, number, _ in words}
    ).only("environment_id", "number")
    releases = {(release.environment_id, release.number): release for release in found}
    rows = {}
    for gateway_id, number, word in words:
        release = releases.get((places.get(gateway_id, 0), number))
        if release is not None:
            node = word.node[:LONGEST_NODE]
            rows[release.pk, gateway_id, node] = models.Receipt(
                release=release, gateway_id=gateway_id, node=node,
                state=word.state, detail=word.detail, milliseconds=word.milliseconds, at=now,
            )  # fmt: skip
    return rows


def _proved(rows: Iterable[tuple[int, int, str]]) -> dict[tuple[int, int, str], str]:
    """The states that a look has found out, among these receipts."""
    keys = list(rows)
    kept = models.Receipt.objects.filter(
        release_id__in={key[0] for key in keys}, gateway_id__in={key[1] for key in keys}, state__in=PROVED
    )
    return {(row.release_id, row.gateway_id, row.node): row.state for row in kept}


def _supersede(rows: Iterable[models.Receipt], now: datetime) -> None:
    """What these nodes never answered of older releases; compared here, for thousands of conditions are too many."""
    newest: dict[tuple[int, str], int] = {}
    for row in rows:
        node = (row.gateway_id, row.node)
        newest[node] = max(newest.get(node, 0), row.release.number)
    waiting = models.Receipt.objects.filter(gateway_id__in={pk for pk, _ in newest}, state__in=("pending", "sent"))
    older = [
        pk
        for pk, gateway_id, node, number in waiting.values_list("pk", "gateway_id", "node", "release__number")
        if number < newest.get((gateway_id, node), 0)
    ]
    if older:
        models.Receipt.objects.filter(pk__in=older).update(state="superseded", at=now)
