"""All gateways at once: those that a list asks for, and the worst that the nodes of each last said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from django.db.models import Q, QuerySet

from trustyard import models
from trustyard.errors import FieldError, Refused
from trustyard.pki.names import fold

from . import found, releases
from .actors import Actor
from .delivery import WORST_FIRST, Row, rows_of_all
from .permissions import require

# What lists are filtered by: any state but the last two, or one.
Wanted = Literal[
    "needs attention", "open", "drifted", "refused", "unreachable", "pending", "sent", "accepted", "observed"
]
STATES: tuple[str, ...] = get_args(Wanted)
ATTENTION = STATES[0]


def find(actor: Actor, environment: str | None = None, *, q: str = "", state: str = "") -> QuerySet[models.Gateway]:
    """The gateways of one environment or of all, with their nodes; those with this text in their name, in this state.

    The state is one of `STATES`, as `worst` has it. Raises `Refused` for another one.
    """
    require(actor, "gateways.read")
    rows = models.Gateway.objects.select_related("environment").prefetch_related("nodes")
    rows = rows.order_by("environment_id", "name_key")
    if environment is not None:
        rows = rows.filter(environment=found.by_name(models.Environment.objects.all(), environment, "environment"))
    if text := found.sought(q):
        rows = rows.filter(Q(name_key__contains=fold(text)) | found.has("name", text))
    return rows.filter(pk__in=_in_state(rows, state)) if state else rows


def worst(places: Iterable[int]) -> dict[tuple[int, str], Row]:
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


def _in_state(rows: QuerySet[models.Gateway], state: str) -> list[int]:
    if state not in STATES:
        sentence = f"A gateway's state is one of: {', '.join(STATES)}."
        raise Refused(sentence, code="bad-filter", fields=[FieldError("state", sentence)])
    chosen = STATES[1:-2] if state == ATTENTION else (state,)
    named = list(rows.order_by().values_list("pk", "environment_id", "name"))
    said = worst({place for _, place, _ in named})
    return [pk for pk, place, name in named if (place, name) in said and said[place, name].state in chosen]
