"""What a look at a gateway's listener proves of a release, kept beside what the gateway itself said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from pydantic import ValidationError

from trustyard import models
from trustyard.errors import Refused
from trustyard.gateways.kinds import KINDS
from trustyard.gateways.proof import Probe, Probed, ProofState, Seen, judge
from trustyard.gateways.receipts import MOST_WORDS, plain
from trustyard.sources import listeners
from trustyard.sources.guard import Guard

from . import audit, delivery, releases
from .actors import SYSTEM
from .delivery import GatewayGiven
from .retries import retried

ALARMS = ("open", "drifted")
_ANSWERED = ("accepted", "observed", *ALARMS)  # states that a look may change; any other says why there is no answer


@dataclass(frozen=True)
class Wanted:
    """A listener to look at, for the newest release of its environment."""

    gateway: GatewayGiven
    probe: Probe
    number: int


def wanted(gateway_id: int | None = None) -> list[Wanted]:
    """Every probe of every gateway, or of this one, that has said something of its environment's newest release."""
    newest = [release.id for release in releases.latest_of_all().values()]
    said = models.Receipt.objects.filter(release_id__in=newest).exclude(gateway__options__probes=[]).order_by()
    said = said if gateway_id is None else said.filter(gateway=gateway_id)
    numbers = dict(said.values_list("gateway_id", "release__number").distinct())  # each of its nodes may have said it
    rows = models.Gateway.objects.filter(pk__in=numbers).select_related("environment").order_by("pk")
    return [Wanted(delivery.given(row), probe, numbers[row.pk]) for row in rows for probe in _probes(row.options)]


def observe(one: Wanted) -> ProofState | None:
    """Looks at the listener and keeps what that proves; None where it could not be reached, or is no longer asked for.

    A node that refused, or did not answer, keeps that word: a look tells of it only whether the door is open.
    """
    release = delivery.wanted(one.gateway.environment)
    if release is None or release.number != one.number:
        return None  # another release came meanwhile; the next look is about that one
    configuration = settings.TRUSTYARD
    try:
        listener = listeners.look(one.probe.address, Guard(configuration.fetch_allow, configuration.fetch_deny))
    except Refused as refusal:
        _record(one, None, f"The listener {one.probe.address} was not reached: {refusal.sentence}")
        return None
    let_in = {"let in": True, "refused": False}.get(listener.stranger)
    before = delivery.material_of(one.gateway.environment, before=one.number)
    seen, follow = Seen(listener.asks, listener.names, let_in, listener.words), KINDS[one.gateway.kind].names_follow
    state, words = judge(seen, release, before, one.probe.trust, names_follow=follow)
    return state if _record(one, state, words) else None


def _probes(options: Mapping[str, Any]) -> tuple[Probe, ...]:
    try:
        return Probed.model_validate({"probes": options.get("probes") or ()}).probes
    except ValidationError:  # stored by a newer Trustyard
        return ()


@retried
@audit.transaction()
def _record(one: Wanted, state: ProofState | None, words: str) -> bool:
    """False where there is nothing to keep it with: release or gateway may have been removed during the look."""
    words = plain(words, MOST_WORDS)  # some of them are the listener's
    found = models.Release.objects.filter(environment__name=one.gateway.environment, number=one.number)
    release = found.only("pk").first()
    if release is None:
        return False
    rows = models.Receipt.objects.select_for_update(no_key=True).filter(release=release, gateway_id=one.gateway.id)
    node, now = _node(one, rows), timezone.now()
    receipt = rows.filter(node=node).first()
    before = receipt.state if receipt is not None else None
    if receipt is None:
        # What no node has taken yet cannot be seen there; a gateway that was removed said nothing.
        if state is None or not (rows if state == "open" else rows.filter(state__in=_ANSWERED)).exists():
            return False
        receipt = models.Receipt(release=release, gateway_id=one.gateway.id, node=node, state=state, at=now)
    receipt.proof, receipt.proof_at = words, now
    receipt.state = _state(receipt.state, state)
    receipt.save()
    if before != receipt.state and {before, receipt.state} & set(ALARMS):
        name = f"{one.gateway.environment}/{one.gateway.name}"
        after = {"node": node, "release": one.number, "state": receipt.state, "proof": words}
        audit.record(SYSTEM, "gateway.observe", "gateway", name, before={"state": before}, after=after)
    return True


def _state(before: str, seen: ProofState | None) -> str:
    if seen is None:  # what was observed is so no longer; an alarm stays until somebody has looked again
        return "accepted" if before == "observed" else before
    return seen if before in _ANSWERED or seen == "open" else before


def _node(one: Wanted, rows: QuerySet[models.Receipt]) -> str:
    """Whose row it is: the node's, or one of the listener's own where that is not known, or the node has others too."""
    listener, node = f"listener {one.probe.address}", one.probe.node
    others = [probe for probe in _probes(one.gateway.options) if probe != one.probe and node in (None, probe.node)]
    if others:
        return listener
    nodes = [node] if node else list(rows.exclude(node=listener).values_list("node", flat=True)[:2])
    return nodes[0] if len(nodes) == 1 else listener
