"""Releases as agents are given them, and their receipts: the actions behind the route `/agents/v1`."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from trustyard import models
from trustyard.gateways.agent import wire
from trustyard.gateways.receipts import Receipt

from . import delivery, gone, receipts, releases
from .retries import retried


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
    """A node's receipt for a release, which is named by its `wire.version`."""

    gateway_id: int
    version: str
    receipt: Receipt


@dataclass(frozen=True)
class Seen:
    """A node that connected or disconnected."""

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


def packed(standing: Standing) -> tuple[str, bytes] | None:
    """The newest release of the gateway's environment as it travels, and its version; it may be newer than known.

    None where the environment is gone, and the gateway before it: releases go with nothing else.
    """
    material = delivery.wanted(standing.environment)
    if material is None:
        return None
    version = wire.version(material.number, material.content.digest())
    return version, wire.packed(material, allow_older=standing.allow_older)


@retried
def keep(words: list[Said | Seen]) -> list[bool]:
    """Stores what nodes said, in this order and in one transaction; False for a release that is not theirs."""
    with transaction.atomic():
        said = [word for word in words if isinstance(word, Said)]
        known = _known(said)
        answered = _answered(said)
        # Sent once more after an answer: the answer stays until there is another.
        news = [
            word
            for word in said
            if (word.gateway_id, word.version) in known
            and not (word.receipt.state == "sent" and (word.gateway_id, word.version, word.receipt.node) in answered)
        ]
        receipts.record_all((word.gateway_id, _number(word.version), word.receipt) for word in news)
        seen = [word for word in words if isinstance(word, Seen)]
        receipts.seen_all((word.gateway_id, word.node, word.connected) for word in seen)
        gone.moved(word.gateway_id for word in seen)
        return [isinstance(word, Seen) or (word.gateway_id, word.version) in known for word in words]


def _known(said: list[Said]) -> set[tuple[int, str]]:
    """Which of these gateways and versions belong together: the release is one of the gateway's environment."""
    rows = models.Release.objects.filter(
        environment__gateways__pk__in={word.gateway_id for word in said},
        number__in={_number(word.version) for word in said},
    ).values_list("environment__gateways__pk", "number", "digest")
    return {(gateway_id, wire.version(number, digest)) for gateway_id, number, digest in rows}


def _answered(said: list[Said]) -> set[tuple[int, str, str]]:
    sent = [word for word in said if word.receipt.state == "sent"]
    rows = models.Receipt.objects.filter(
        gateway_id__in={word.gateway_id for word in sent}, release__number__in={_number(word.version) for word in sent}
    ).values_list("gateway_id", "release__number", "release__digest", "node")
    return {(gateway_id, wire.version(number, digest), node) for gateway_id, number, digest, node in rows}


def _number(version: str) -> int:
    return int(version.partition(".")[0])
