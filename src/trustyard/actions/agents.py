"""What agents are given and what they say: the side of releases that the route `/agents/v1` works on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from trustyard import models
from trustyard.gateways.agent import wire
from trustyard.gateways.receipts import Receipt

from . import delivery, releases


@dataclass(frozen=True)
class Standing:
    """A gateway of kind `agent` as it stands now: its token's generation, and the release that its nodes should have.

    `version` is that of `wire.version`, empty without a release. What was said of a gateway before its row changed is
    forgotten; `row_version` shows that.
    """

    gateway_id: int
    generation: int
    environment: str
    row_version: int
    allow_older: bool
    version: str


@dataclass(frozen=True)
class Said:
    """A node's word on a release, which it names by `wire.version`."""

    gateway_id: int
    version: str
    receipt: Receipt


@dataclass(frozen=True)
class Seen:
    """That a node came, or went."""

    gateway_id: int
    node: str
    connected: bool


def standings() -> dict[int, Standing]:
    """Every gateway of kind `agent`, by its number, in three queries whatever their count."""
    newest = {
        row.environment_id: wire.version(row.number, row.digest)
        for row in models.Release.objects.filter(
            pk__in=[one.id for one in releases.latest_of_all().values()],
        ).only("environment_id", "number", "digest")
    }
    rows = models.Gateway.objects.filter(kind="agent").select_related("environment")
    return {
        row.pk: Standing(
            row.pk,
            row.token_generation,
            row.environment.name,
            row.version,
            row.options.get("allow_older") is True,
            newest.get(row.environment_id, ""),
        )
        for row in rows
    }


def packed(standing: Standing) -> tuple[str, bytes]:
    """The newest release of the gateway's environment as it travels, and its version; it may be newer than known."""
    material = delivery.wanted(standing.environment)
    assert material is not None  # there was one, and releases stay
    version = wire.version(material.number, material.content.digest())
    return version, wire.packed(material, allow_older=standing.allow_older)


def keep(words: Iterable[Said | Seen]) -> list[bool]:
    """Keeps what nodes said, in this order and in one transaction; False for a release that is not theirs."""
    with transaction.atomic():
        return [_seen(word) if isinstance(word, Seen) else _said(word) for word in words]


def _seen(word: Seen) -> bool:
    (delivery.node_connected if word.connected else delivery.node_gone)(word.gateway_id, word.node)
    return True


def _said(word: Said) -> bool:
    number, _, digest = word.version.partition(".")
    known = models.Release.objects.filter(
        environment__gateways__pk=word.gateway_id, number=int(number), digest=digest
    ).first()
    if known is None:
        return False
    receipts = models.Receipt.objects.filter(release=known, gateway=word.gateway_id, node=word.receipt.node)
    # Sent once more after an answer: the answer stays until there is another.
    if word.receipt.state != "sent" or not receipts.exists():
        delivery.record(word.gateway_id, int(number), word.receipt)
    return True
