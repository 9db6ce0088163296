"""All gateways at once: those that a list asks for, and the worst that the nodes of each last said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from django.db.models import QuerySet

from trustyard import models
from trustyard.errors import FieldError, Refused
from trustyard.gateways.receipts import Wanted

from . import found, releases
from .actors import Actor
from .delivery import WORST_FIRST, Row, rows_of_all
from .permissions import require

STATES: tuple[str, ...] = get_args(Wanted)
ATTENTION = STATES[0]
Worst = dict[tuple[int, str], Row]  # by the environment's id and the gateway's name


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
    """Those of the rows in this state, one of `STATES`, and what `worst` says of their environments.

    Raises `Refused` for another state.
    """
    if state not in STATES:
        sentence = f"A gateway's state is one of: {', '.join(STATES)}."
        raise Refused(sentence, code="bad-filter", fields=[FieldError("state", sentence)])
    chosen = STATES[1:-2] if state == ATTENTION else (state,)
    named = list(rows.order_by().values_list("pk", "environment_id", "name"))
    said = worst({place for _, place, _ in named})
    ids = [pk for pk, place, name in named if (place, name) in said and said[place, name].state in chosen]
    return rows.filter(pk__in=ids), said


def worst(places: Iterable[int]) -> Worst:
    """Of each gateway, by its environment's id and its name, the worst that its nodes last said of the newest release.

    Of these environments; a gateway of one without a release is left out.
    """
    newest = releases.latest_of_all()
    ids = [newest[place].id for place in places if place in newest]
    rows = models.Release.objects.filter(pk__in=ids).only("environment_id", "number").in_bulk()
    return {
        (rows[pk].environment_id, row.gateway): row
        for pk, said in rows_of_all(list(rows.values())).items()
        for row in sorted(said, key=lambda row: -WORST_FIRST.index(row.state))  # of its nodes the worst last
    }
