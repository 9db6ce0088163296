"""All gateways at once: those that a list asks for, and the worst that the nodes of each last said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, get_args

from django.db.models import QuerySet
from django.utils import timezone

from trustyard import models
from trustyard.errors import FieldError, Refused
from trustyard.gateways.receipts import Wanted
from trustyard.pki.certificates import rfc3339

from . import found, releases, twins
from .actors import Actor
from .delivery import WORST_FIRST, Row, rows_of_gateway
from .permissions import require

STATES: tuple[str, ...] = get_args(Wanted)
ATTENTION = STATES[0]
Worst = dict[int, Row]  # by the gateway's id


def find(actor: Actor, environment: str | None = None, *, q: str = "") -> QuerySet[models.Gateway]:
    """The gateways of one environment or of all, with their nodes; those with this text in their name."""
    require(actor, "gateways.read")
    rows = models.Gateway.objects.select_related("environment").prefetch_related("nodes")
    rows = rows.order_by("environment_id", "name_key")
    if environment is not None:
        rows = rows.filter(environment=found.by_name(models.Environment.objects.all(), environment, "environment"))
    if text := found.sought(q):
        rows = rows.filter(found.named(text))
    return rows


def in_state(rows: QuerySet[models.Gateway], state: str) -> tuple[QuerySet[models.Gateway], Worst]:
    """Those of the rows in this state, one of `STATES`, and what `worst` says of all of them.

    Raises `Refused` for another state.
    """
    if state not in STATES:
        sentence = f"A gateway's state is one of: {', '.join(STATES)}."
        raise Refused(sentence, code="bad-filter", fields=[FieldError("state", sentence)])
    chosen = STATES[1:-2] if state == ATTENTION else (state,)
    said = worst(rows)
    return rows.filter(pk__in=[pk for pk, row in said.items() if row.state in chosen]), said


def worst(rows: Iterable[models.Gateway]) -> Worst:
    """Of each of these gateways the worst that its nodes last said of the newest release, in a fixed number of queries.

    A gateway of an environment without a release is left out.
    """
    newest = {place: release.id for place, release in releases.latest_of_all().items()}
    listed = [row for row in rows if row.environment_id in newest]
    said: dict[int, dict[str, models.Receipt]] = {row.pk: {} for row in listed}
    of_these = models.Receipt.objects.filter(release__in={newest[row.environment_id] for row in listed})
    for receipt in of_these.filter(gateway__in=list(said)).defer("at", "proof_at").order_by():
        said[receipt.gateway_id][receipt.node] = receipt
    return {
        row.pk: min(
            rows_of_gateway(row, said[row.pk], superseded=False), key=lambda word: WORST_FIRST.index(word.state)
        )
        for row in listed
    }


def gateway_json(row: models.Gateway) -> dict[str, Any]:
    """A gateway as REST and the command line show it. No secret is stored, so none is here."""
    return gateways_json([row])[0]


def gateways_json(rows: Sequence[models.Gateway], said: Worst | None = None) -> list[dict[str, Any]]:
    """The same of each, with a fixed number of queries where their nodes were read with them.

    `said` is what `in_state` answers of them, for who has it already.
    """
    said, now = worst(rows) if said is None else said, timezone.now()
    return [
        {
            "environment": row.environment.name,
            "name": row.name,
            "kind": row.kind,
            "state": said[row.pk].state if row.pk in said else None,
            "options": row.options,
            "nodes": [
                {
                    "node": node.name,
                    "connected": node.connected,
                    "last_seen": rfc3339(node.last_seen),
                    "agents": twins.speaking(node, now),
                }
                for node in row.nodes.all()
            ],
            "version": row.version,
        }
        for row in rows
    ]
