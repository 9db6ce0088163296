"""What gateways should have and what their nodes reported: the actions behind jobs and xDS."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from trustyard import models
from trustyard.gateways.kinds import PUSHED
from trustyard.gateways.receipts import Receipt, State
from trustyard.pki.content import Material
from trustyard.pki.names import fold

from . import gateway_tokens, gone, receipts, releases
from .in_force import Newest

FINAL = frozenset({"accepted", "observed", "refused", "unreachable", "superseded", "drifted", "open"})
WORST_FIRST: tuple[State, ...] = (
    "open", "drifted", "refused", "unreachable", "pending", "sent", "superseded", "accepted", "observed"
)  # fmt: skip
MOST_OCTETS = 32_000_000  # of the releases that are remembered; the one asked for last always is
_STATES: dict[str, State] = {state: state for state in WORST_FIRST}
_materials: dict[Newest, Material] = {}
_remembering = threading.Lock()
_NEVER = datetime.max.replace(tzinfo=UTC)
FORGOTTEN_AFTER = timedelta(days=1)  # a node that was not seen for so long is not expected back
NOBODY_LATELY = "No node of this gateway was connected within a day."


@dataclass(frozen=True)
class GatewayGiven:
    """A gateway as deliveries need it."""

    id: int
    environment: str
    name: str
    kind: str
    options: dict[str, Any]
    token_generation: int


@dataclass(frozen=True)
class Row:
    """One line of a deployment: a gateway's node and its word. `joined` is false while no node was ever there."""

    gateway: str
    node: str
    state: State
    detail: str
    milliseconds: int | None
    joined: bool
    proof: str = ""

    @property
    def words(self) -> str:
        """What the node said, and what was seen at its listener."""
        return " · ".join(part for part in (self.detail, self.proof) if part)

    def json(self) -> dict[str, Any]:
        """As the *Deployment* of the REST API shows it."""
        return {
            "gateway": self.gateway,
            "node": self.node,
            "state": self.state,
            "detail": self.detail,
            "milliseconds": self.milliseconds,
            "proof": self.proof,
        }


Said = list[tuple[models.Release, list[Row]]]  # releases, and what the nodes of each said


def given(row: models.Gateway) -> GatewayGiven:
    """The plain value of a gateway's row."""
    return GatewayGiven(row.pk, row.environment.name, row.name, row.kind, row.options, row.token_generation)


def gateways_of_tokens(tokens: Iterable[str], purpose: str) -> dict[str, GatewayGiven]:
    """The gateways whose present tokens of this purpose these are, in one query; a token of nobody is left out."""
    return {token: given(row) for token, row in gateway_tokens.holders(tokens, purpose).items()}


def wanted(environment: str) -> Material | None:
    """The newest release with its DER: what every gateway of the environment should have."""
    return _newest(models.Release.objects.filter(environment__name_key=fold(environment)))


def material_of(environment: str, *, before: int) -> Material | None:
    """The release before that of this number, with its DER."""
    return _newest(models.Release.objects.filter(environment__name_key=fold(environment), number__lt=before))


def _newest(rows: QuerySet[models.Release]) -> Material | None:
    row = rows.order_by("-number").values_list("pk", "digest").first()
    return _material(Newest(*row)) if row is not None else None


def _material(newest: Newest) -> Material | None:
    """The release, remembered with its DER: those asked for last, within a limit on their octets together.

    None where it went with its environment since it was found.
    """
    with _remembering:
        known = _materials.pop(newest, None)
        if known is not None:
            _materials[newest] = known  # the last again
            return known
    release = models.Release.objects.filter(pk=newest.id).first()
    if release is None:
        return None
    read = of_release(release)
    with _remembering:
        _materials[newest] = read
        weights = {one: material.weight for one, material in _materials.items()}
        for one in list(_materials)[:-1]:
            if sum(weights.values()) <= MOST_OCTETS:
                break
            del _materials[one], weights[one]
    return read


def of_release(release: models.Release) -> Material:
    """Any release with its DER, as gateways receive it."""
    content = release.read()
    ders = models.StoredCertificate.ders(content.certificates())
    return Material(content, release.number, release.created_at, ders)


def pushed(environment: str | None = None) -> list[GatewayGiven]:
    """The gateways of an environment, or all, that are delivered to; the others pull."""
    rows = models.Gateway.objects.filter(kind__in=PUSHED).select_related("environment").order_by("pk")
    if environment is not None:
        rows = rows.filter(environment__name_key=fold(environment))
    return [given(row) for row in rows]


def one_pushed(gateway_id: int) -> GatewayGiven | None:
    """This gateway as it is now; None where it was removed, or is not delivered to."""
    rows = models.Gateway.objects.filter(pk=gateway_id, kind__in=PUSHED).select_related("environment")
    row = rows.first()
    return given(row) if row is not None else None


def behind() -> list[GatewayGiven]:
    """Gateways that are delivered to and whose environment's newest release no node has accepted yet."""
    newest = {release.id for release in releases.latest_of_all().values()}
    taken = models.Receipt.objects.filter(release_id__in=newest, state__in=receipts.TAKEN)
    accepted = models.Gateway.objects.filter(pk__in=taken.values("gateway_id"))
    rows = models.Gateway.objects.filter(kind__in=PUSHED, environment__last_number__gt=0)
    waiting = rows.exclude(pk__in=accepted).select_related("environment").order_by("pk")
    return [given(row) for row in waiting]


def record(gateway_id: int, number: int, receipt: Receipt) -> None:
    """Stores a node's newest receipt for a release. Idempotent; its unanswered older releases become superseded."""
    receipts.record_all([(gateway_id, number, receipt)])


def seen_all(nodes: Sequence[tuple[int, str, bool]]) -> None:
    """Of which nodes the stream was opened or ended, by gateway and name, here: it may be open at another server."""
    receipts.seen_all(nodes)
    gone.moved(gateway_id for gateway_id, _, _ in nodes)


def rows_of(release: models.Release) -> list[Row]:
    """What each node of each gateway said of this release; a gateway or node that said nothing has a row too.

    But for a gateway that was made after the next release: it was never given this one.
    """
    return rows_of_all([release])[release.pk]


def rows_of_all(chosen: Sequence[models.Release]) -> dict[int, list[Row]]:
    """The same for many releases, by their ids, in a fixed number of queries."""
    said: dict[tuple[int, int], dict[str, models.Receipt]] = {}
    receipts_of = models.Receipt.objects.filter(release__in=[release.pk for release in chosen])
    for receipt in receipts_of.defer("at", "proof_at").order_by():  # there may be tens of thousands
        said.setdefault((receipt.release_id, receipt.gateway_id), {})[receipt.node] = receipt
    places = {release.environment_id for release in chosen}
    newest = dict(models.Environment.objects.filter(pk__in=places).values_list("pk", "last_number"))
    gateways: dict[int, list[models.Gateway]] = {}
    for gateway in models.Gateway.objects.filter(environment__in=places).prefetch_related("nodes").order_by("name_key"):
        gateways.setdefault(gateway.environment_id, []).append(gateway)
    until = _replaced([release for release in chosen if release.number < newest[release.environment_id]])
    return {
        release.pk: [
            row
            for gateway in gateways.get(release.environment_id, ())
            if (release.pk, gateway.pk) in said or gateway.created_at < until.get(release.pk, _NEVER)
            for row in rows_of_gateway(
                gateway, said.get((release.pk, gateway.pk), {}), release.number < newest[release.environment_id]
            )
        ]
        for release in chosen
    }


def _replaced(older: Sequence[models.Release]) -> dict[int, datetime]:
    """By the ids of these releases when the next one was made; numbers have no gaps."""
    places, numbers = {one.environment_id for one in older}, {one.number + 1 for one in older}
    following = models.Release.objects.filter(environment__in=places, number__in=numbers).order_by()
    made = {
        (place, number): at for place, number, at in following.values_list("environment_id", "number", "created_at")
    }
    return {one.pk: made.get((one.environment_id, one.number + 1), _NEVER) for one in older}


def in_force(environment: models.Environment) -> tuple[models.Release, list[Row]] | None:
    """The newest release of an environment without its content, and what each node said of it."""
    rows = models.Release.objects.filter(environment=environment).defer("content", "left_out")
    release = rows.select_related("environment").order_by("-number").first()
    return (release, rows_of(release)) if release is not None else None


def rows_of_gateway(gateway: models.Gateway, said: dict[str, models.Receipt], superseded: bool) -> list[Row]:
    """The rows of one gateway, of what its nodes said of a release."""
    rows = [
        Row(gateway.name, node, _state(receipt.state), receipt.detail, receipt.milliseconds, True, receipt.proof)
        for node, receipt in sorted(said.items())
    ]
    recent = timezone.now() - FORGOTTEN_AFTER
    silent: State = "superseded" if superseded else "pending"
    for node in gateway.nodes.all():
        if node.name in said or (not node.connected and node.last_seen < recent):
            continue
        if node.connected or superseded:
            rows.append(Row(gateway.name, node.name, silent, "", None, joined=True))
        else:
            rows.append(Row(gateway.name, node.name, "unreachable", "This node is not connected.", None, joined=True))
    if not rows:
        by_us = gateway.kind in PUSHED
        detail = "" if by_us else NOBODY_LATELY if gateway.nodes.all() else "No node of this gateway has joined yet."
        rows.append(Row(gateway.name, "", silent, detail, None, joined=by_us))
    return rows


def settled(release_ids: Iterable[int]) -> bool:
    """Whether every node that can answer has answered."""
    chosen = list(models.Release.objects.filter(pk__in=list(release_ids)).only("environment_id", "number"))
    return all(row.state in FINAL or not row.joined for rows in rows_of_all(chosen).values() for row in rows)


def said_of(release_ids: Iterable[int]) -> Said:
    """These releases in the order of their environments, each with what its nodes said."""
    rows = models.Release.objects.filter(pk__in=list(release_ids)).select_related("environment").defer("content")
    chosen = list(rows.order_by("environment_id"))
    said = rows_of_all(chosen)
    return [(release, said[release.pk]) for release in chosen]


def deployment(release_ids: Iterable[int]) -> dict[str, Any]:
    """The *Deployment* of these releases, as REST shows it, one for each environment."""
    return deployment_json(said_of(release_ids))


def deployment_json(said: Said) -> dict[str, Any]:
    """The same of what was read already."""
    return {"environments": [_environment_json(release, rows) for release, rows in said]}


Found = dict[str, dict[str, Any]]  # by environment the members of its deployment that stay: what its release brought
_FOUND = ("findings", "besides")


def told(answer: dict[str, Any], release_ids: Iterable[int], found: Found | None = None) -> dict[str, Any]:
    """The answer with its `deployment` as it is now; one that is a *Release* itself says the same in `gateways`.

    What was `found` is that of the answer where it is not given: releases do not change.
    """
    now = deployment(release_ids)
    if found is None:
        before = answer["deployment"]["environments"]
        found = {place["environment"]: {name: place[name] for name in _FOUND} for place in before}
    for place in now["environments"]:
        place |= found[place["environment"]]
    same = {"gateways": now["environments"][0]["gateways"]} if "gateways" in answer else {}
    return {**answer, **same, "deployment": now}


def _environment_json(release: models.Release, rows: list[Row]) -> dict[str, Any]:
    return {
        "environment": release.environment.name,
        "release": release.number,
        "state": overall(rows) if rows or release.number == release.environment.last_number else "superseded",
        "left_out": release.left_out,
        "gateways": [row.json() for row in rows],
    }


def overall(rows: list[Row]) -> State:
    """The worst state of the nodes; gateways that nobody ever joined count only where there is nothing else."""
    joined = {row.state for row in rows if row.joined}
    return next((state for state in WORST_FIRST if state in joined), "pending")


def _state(text: str) -> State:
    return _STATES[text]
