"""Keeps what nodes say of releases, and that they are there: in a handful of queries, however many they are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from trustyard import models
from trustyard.gateways.receipts import Receipt

from . import servers
from .retries import retried

Node = tuple[int, str]  # the gateway's id and the node's name
Word = tuple[int, int, Receipt]  # of a node of this gateway, on the release of this number
PROVED = ("observed", "drifted", "open")  # found out by a look; the gateway's own word does not undo it
TAKEN = ("accepted", *PROVED)  # the node has it, whatever a look found out besides
_NEWEST: dict[str, Any] = {
    "update_conflicts": True,
    "unique_fields": ["release", "gateway", "node"],
    "update_fields": ["state", "detail", "milliseconds", "at"],
}


def record_all(words: Iterable[Word]) -> None:
    """Keeps the newest word of each node on each release, in this order. Idempotent; what is gone is passed over.

    Unanswered older releases of a node become superseded; a node that answers is there.
    """
    _record_all(list(words), first=False)


def given_all(words: Iterable[Word]) -> None:
    """Keeps that these nodes were given these releases, where nothing is kept of them: an answer that is there stays.

    Whatever a node answers meanwhile, to another server even, so a word that was long on its way undoes no answer.
    """
    _record_all(list(words), first=True)


@retried
def _record_all(words: list[Word], *, first: bool) -> None:
    with transaction.atomic():
        now = timezone.now()
        rows = _rows(words, now)
        proved = _proved(rows)
        for key, row in rows.items():
            row.state = proved.get(key, row.state) if row.state == "accepted" else row.state
        models.Receipt.objects.bulk_create(
            # In one order, as everybody who writes several: else two of them wait for each other's rows.
            [rows[key] for key in sorted(rows)],
            **({"ignore_conflicts": True} if first else _NEWEST),
        )
        _supersede(rows.values(), now)
        _answered((row.gateway_id, row.node) for row in rows.values() if row.state != "unreachable")


def seen_all(nodes: Iterable[tuple[int, str, bool]]) -> None:
    """Keeps of each node, by its gateway and name, whether it is connected to this server; the last word counts.

    A node that came is held by this server from now on. One that went from here may have come to another before.
    """
    last = {(gateway_id, node): connected for gateway_id, node, connected in nodes}
    _seen_all(last)


@retried
def _seen_all(last: dict[Node, bool]) -> None:
    came = [key for key, connected in last.items() if connected]
    _keep_nodes(came, connected=True, taken_over=True)
    gone = _keep_nodes([key for key in last if key not in set(came)], connected=False, taken_over=False)
    _ours(gone).update(connected=False, last_seen=timezone.now())


def _answered(nodes: Iterable[Node]) -> None:
    """A node that answers is there; but a word that was long on its way does not bring it back from another server."""
    keys = _keep_nodes(nodes, connected=True, taken_over=False)
    _ours(keys).update(connected=True, last_seen=timezone.now())


def _keep_nodes(nodes: Iterable[Node], *, connected: bool, taken_over: bool) -> list[Node]:
    """Adds those that are new, of gateways that are still there; answers the ones that were to be kept."""
    keys, now = sorted(set(nodes)), timezone.now()  # in one order, as everybody who writes several
    there = set(models.Gateway.objects.filter(pk__in={key[0] for key in keys}).values_list("pk", flat=True))
    rows = [
        models.Node(gateway_id=gateway_id, name=name, connected=connected, last_seen=now, server_id=servers.me())
        for gateway_id, name in keys
        if gateway_id in there
    ]
    if taken_over:
        models.Node.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["gateway", "name"],
            update_fields=["connected", "last_seen", "server"],
        )
    else:
        models.Node.objects.bulk_create(rows, ignore_conflicts=True)
    return [(row.gateway_id, row.name) for row in rows]


def _ours(nodes: Iterable[Node]) -> QuerySet[models.Node]:
    """Those of the nodes that no other server holds."""
    keys = set(nodes)
    free = models.Node.objects.filter(Q(server=None) | Q(server=servers.me()))
    found = free.filter(gateway_id__in={gateway_id for gateway_id, _ in keys}, name__in={name for _, name in keys})
    rows = found.values_list("pk", "gateway_id", "name")
    return free.filter(pk__in=[pk for pk, gateway_id, name in rows if (gateway_id, name) in keys])


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
            rows[release.pk, gateway_id, word.node] = models.Receipt(
                release=release, gateway_id=gateway_id, node=word.node,
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
    """Marks what these nodes never answered of older releases; compared here: SQL would need too many conditions."""
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
        held = models.Receipt.objects.filter(pk__in=older)
        in_order(held)
        held.update(state="superseded", at=now)


def forget(gateway: models.Gateway) -> None:
    """Deletes what its nodes said. Before the nodes themselves, in the order in which they are written."""
    said = models.Receipt.objects.filter(gateway=gateway)
    in_order(said)
    said.delete()


def in_order(receipts: QuerySet[models.Receipt]) -> None:
    """Locks receipts in the order in which all writers of several lock them."""
    list(receipts.select_for_update(no_key=True).order_by("release_id", "gateway_id", "node").values_list("pk"))
