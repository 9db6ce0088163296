"""Two agents of one name, on cloned hosts say: noticed where one that another had replaced speaks again.

An agent names itself anew at each start, so a restart, however long its old connection stays open, never brings a name
back. Nor does one word that was long on its way make two agents: it takes two returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from trustyard import models

from .retries import retried

log = structlog.get_logger(__name__)
WINDOW = timedelta(minutes=10)  # in which two returns make two agents; an agent asks at least every minute
MOST = 5  # agents of one name, and returns, that are remembered


@dataclass(frozen=True)
class Heard:
    """An agent that asked, served or not: its node's name, what it called itself at its start, and from where."""

    gateway_id: int
    node: str
    process: str
    address: str
    at: datetime


def note(heard: Sequence[Heard]) -> None:
    """Keeps which agents spoke under the name of a node, in this order. Repeated, it does no harm.

    Where one stays the only one nothing is written.
    """
    last = _last(heard)
    news = [one for one in heard if last.get((one.gateway_id, one.node), one.process) != one.process]
    names = {(one.gateway_id, one.node) for one in news}
    if names:
        _keep([one for one in heard if (one.gateway_id, one.node) in names])


def speaking(node: models.Node, now: datetime) -> list[str]:
    """The addresses of the agents that speak under this node's name by turns; empty where there is one at most."""
    known = _read(node)
    returned = [moment for moment in map(_moment, known["returned"]) if now - moment < WINDOW]
    if len(returned) < 2:
        return []
    return [one["address"] for one in known["seen"] if _moment(one["at"]) >= returned[0]]


def _last(heard: Sequence[Heard]) -> dict[tuple[int, str], str]:
    """Who spoke last under each of these names; an empty text where nobody has yet, and none where there is no node."""
    rows = models.Node.objects.filter(
        gateway_id__in={one.gateway_id for one in heard}, name__in={one.node for one in heard}
    )
    found = {(row.gateway_id, row.name): _read(row)["seen"] for row in rows.only("gateway_id", "name", "instances")}
    return {key: seen[-1]["process"] if seen else "" for key, seen in found.items()}


@retried
def _keep(heard: Sequence[Heard]) -> None:
    with transaction.atomic():
        rows = models.Node.objects.filter(
            gateway_id__in={one.gateway_id for one in heard}, name__in={one.node for one in heard}
        )
        # In one order, as everybody who writes several.
        locked = rows.select_for_update(no_key=True).order_by("gateway_id", "name")
        for row in locked:
            before = speaking(row, timezone.now())
            told = [one for one in heard if (one.gateway_id, one.node) == (row.gateway_id, row.name) and _add(row, one)]
            if told:
                row.save(update_fields=["instances"])
            if not before and (addresses := speaking(row, timezone.now())):
                _tell(row, addresses)


def _add(row: models.Node, heard: Heard) -> bool:
    """Whether that says anything new."""
    known = _read(row)
    seen: list[dict[str, str]] = known["seen"]
    if seen and (seen[-1]["process"] == heard.process or heard.at <= _moment(seen[-1]["at"])):
        return False  # it is the one that spoke last, or was heard before that one and is said again
    others = [one for one in seen if one["process"] != heard.process]
    if len(others) < len(seen):
        known["returned"] = [*known["returned"], heard.at.isoformat()][-MOST:]
    known["seen"] = [*others, {"process": heard.process, "address": heard.address, "at": heard.at.isoformat()}][-MOST:]
    row.instances = known
    return True


def _tell(row: models.Node, addresses: Sequence[str]) -> None:
    gateway = models.Gateway.objects.select_related("environment").get(pk=row.gateway_id)
    where = {"environment": gateway.environment.name, "gateway": gateway.name}
    log.warning("agents.one_name", **where, node=row.name, addresses=list(addresses))


def _read(row: models.Node) -> dict[str, Any]:
    return row.instances or {"seen": [], "returned": []}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
