"""Releases as agents are given them, and their receipts: the actions behind the route `/agents/v1`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from trustyard import models
from trustyard.gateways.agent import wire
from trustyard.gateways.receipts import Receipt

from . import delivery, receipts, releases, twins
from .retries import retried
from .twins import Heard


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


def keep(words: list[Said | Seen | Heard]) -> list[bool]:
    """As `_keep`, and who spoke under which name; in transactions of their own, for each has its order of locks."""
    others = [word for word in words if not isinstance(word, Heard)]
    answers = iter(_keep(others) if others else [])  # an empty transaction, too, takes a writer's turn
    twins.note([word for word in words if isinstance(word, Heard)])
    return [isinstance(word, Heard) or next(answers) for word in words]


@retried
def _keep(words: list[Said | Seen]) -> list[bool]:
    """Stores what nodes said, in this order; False for a release that is not theirs. Repeated, it does no harm.

    Of a release that is not the newest only those say anything that were given it: what is said of such a one is never
    forgotten, and a node may use a new name each time.
    """
    said = [word for word in words if isinstance(word, Said)]
    known = _known(said)
    theirs = [word for word in said if _release(word) in known]
    given, answers = ([word for word in theirs if (word.receipt.state == "sent") is sent] for sent in (True, False))
    # In a transaction of its own: with the answers in it, receipts would be written in two orders.
    if given:
        receipts.given_all(map(_word, given))
    with transaction.atomic():
        kept = _kept(word for word in answers if not known[_release(word)])
        receipts.record_all(
            _word(word) for word in answers if known[_release(word)] or (*_release(word), word.receipt.node) in kept
        )
        delivery.seen_all([(word.gateway_id, word.node, word.connected) for word in words if isinstance(word, Seen)])
    return [isinstance(word, Seen) or _release(word) in known for word in words]


def _release(word: Said) -> tuple[int, str]:
    return word.gateway_id, word.version


def _word(word: Said) -> receipts.Word:
    return word.gateway_id, _number(word.version), word.receipt


def _known(said: list[Said]) -> dict[tuple[int, str], bool]:
    """Which of these gateways and versions belong together, and whether that release is the environment's newest."""
    rows = models.Release.objects.filter(
        environment__gateways__pk__in={word.gateway_id for word in said},
        number__in={_number(word.version) for word in said},
    ).values_list("environment__gateways__pk", "number", "digest", "environment__last_number")
    return {(pk, wire.version(number, digest)): number == newest for pk, number, digest, newest in rows}


def _kept(words: Iterable[Said]) -> set[tuple[int, str, str]]:
    """The nodes of these words, by gateway and version, of which something is kept on that release already."""
    asked = list(words)
    rows = models.Receipt.objects.filter(
        gateway_id__in={word.gateway_id for word in asked},
        release__number__in={_number(word.version) for word in asked},
        node__in={word.receipt.node for word in asked},
    ).values_list("gateway_id", "release__number", "release__digest", "node")
    return {(gateway_id, wire.version(number, digest), node) for gateway_id, number, digest, node in rows}


def _number(version: str) -> int:
    return int(version.partition(".")[0])
