"""Releases: what an environment would trust now, made immutable and numbered when somebody deploys.

Deploying an environment: (1) lock its row, (2) build the content from what is saved, leaving out and naming what would
hurt (D-19), (3) the newest release says just that: nothing to do, (4) else number it and keep it, (5) record the audit
event, (6) tell the deliveries. Steps 1 to 5 are one transaction with the save that caused them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from trustyard import models
from trustyard.errors import NotFound
from trustyard.pki.certificates import rfc3339, status
from trustyard.pki.content import Content, LeftOut, PublishedJwk, TrustedEntry
from trustyard.pki.truststores import root_alias

from . import audit, found, news, roots
from .actors import Actor
from .permissions import require


@dataclass(frozen=True)
class Deployed:
    """The newest release, and whether this call made it (else nothing had changed)."""

    release: models.Release
    created: bool


def deploy(actor: Actor, environment: str, *, note: str = "") -> Deployed:
    """Puts what is saved in force. Raises `NotFound`, `NotAllowed`."""
    row = found.by_name(models.Environment.objects.all(), environment, "environment")
    require(actor, "releases.deploy", [row.name])
    with transaction.atomic():
        return make(actor, [row], note=note)[0]


def make(actor: Actor, environments: Iterable[models.Environment], *, note: str = "") -> list[Deployed]:
    """Makes the releases of these environments inside the caller's transaction, locked in the order of their ids."""
    made = []
    for pk in sorted({environment.pk for environment in environments}):
        environment = models.Environment.objects.select_for_update().get(pk=pk)
        require(actor, "releases.deploy", [environment.name])
        made.append(_make(actor, environment, note))
    return made


def _make(actor: Actor, environment: models.Environment, note: str) -> Deployed:
    now = timezone.now()
    content = build(environment, now)
    digest = content.digest()
    newest = latest(environment.pk)
    news.tell(environment.name)  # also when nothing changed: delivery to gateways that lack it is tried again
    left_out = [vars(row) for row in content.left_out]
    if newest is not None and (newest.digest, newest.left_out) == (digest, left_out):
        # They are asked again, so what they said before is no answer to this.
        newest.receipts.filter(state__in=("refused", "unreachable")).update(state="pending")
        return Deployed(newest, created=False)
    environment.last_number += 1
    models.Environment.objects.filter(pk=environment.pk).update(last_number=environment.last_number)
    roots.keep(roots.of(environment))
    release = models.Release.objects.create(
        environment=environment,
        number=environment.last_number,
        digest=digest,
        content=content.canonical(),
        left_out=left_out,
        made_by=actor.name,
        note=note,
        created_at=now,
    )
    audit.record(
        actor,
        "release.deploy",
        "release",
        f"{environment.name}/{release.number}",
        before={"number": newest.number, "digest": newest.digest} if newest else None,
        after={"number": release.number, "digest": digest},
    )
    return Deployed(release, created=True)


def build(environment: models.Environment, now: datetime) -> Content:
    """What the environment would trust and publish at this moment, and what is left out with its reason (D-19)."""
    entries, left_out = _entries(environment, now)
    anchors = []
    for root in roots.of(environment):
        state = status(root.facts.not_before, root.facts.not_after, now)
        if state in ("expired", "not yet valid"):
            left_out.append(LeftOut(root.facts.certificate_name, root_alias(root.sha256), f"This root is {state}."))
        else:
            anchors.append(root.sha256)
    active = models.Jwk.objects.filter(environments=environment, state="active").only("name", "public")
    jwks = tuple(PublishedJwk(jwk.name, jwk.public) for jwk in active)
    return Content(environment.name, tuple(entries), tuple(anchors), jwks, tuple(left_out))


def _entries(environment: models.Environment, now: datetime) -> tuple[list[TrustedEntry], list[LeftOut]]:
    kept: list[TrustedEntry] = []
    left_out: list[LeftOut] = []
    first_alias: dict[str, str] = {}
    rows = (
        models.Entry.objects.filter(environment=environment)
        .order_by("alias_key")
        .values_list("alias", "certificate__name", "x509_id", "x509__not_before", "x509__not_after", "revoked_at")
    )
    for alias, name, sha256, not_before, not_after, revoked_at in rows:
        state = status(not_before, not_after, now, revoked_at is not None)
        if state in ("revoked", "expired", "not yet valid"):
            left_out.append(LeftOut(name, alias, _reason(state, not_before, not_after)))
            continue
        kept.append(TrustedEntry(alias, name, sha256))
        if sha256 in first_alias:
            # Sent once: a doubled anchor empties the trust of some gateways. The alias keeps its own file and name.
            reason = f"The same certificate as alias {first_alias[sha256]}; it is sent once, the alias is kept."
            left_out.append(LeftOut(name, alias, reason))
        first_alias.setdefault(sha256, alias)
    return kept, left_out


def _reason(state: str, not_before: datetime, not_after: datetime) -> str:
    match state:
        case "revoked":
            return "Revoked in Trustyard."
        case "expired":
            return f"Expired on {rfc3339(not_after)}."
        case _:
            return f"Not valid before {rfc3339(not_before)}."


def latest(environment_id: int) -> models.Release | None:
    """The newest release of an environment: what is in force (D-21)."""
    return models.Release.objects.filter(environment_id=environment_id).order_by("-number").first()


@dataclass(frozen=True)
class Newest:
    """The newest release of an environment: its id and digest. The pair keys what is read once and kept in memory."""

    id: int
    digest: str


def latest_of_all() -> dict[int, Newest]:
    """Environment id to its newest release, in one query."""
    newest = models.Release.objects.order_by().values("environment_id").annotate(newest=Max("pk")).values("newest")
    rows = models.Release.objects.filter(pk__in=newest).values_list("environment_id", "pk", "digest")
    return {environment_id: Newest(pk, digest) for environment_id, pk, digest in rows}


@functools.lru_cache(maxsize=256)
def in_force(newest: Newest) -> dict[str, str]:
    """Alias to SHA-256 of a release's own entries. Releases never change, so this is read once."""
    content = models.Release.objects.values_list("content", flat=True).get(pk=newest.id)
    return {entry["alias"]: entry["sha256"] for entry in content["entries"]}


@functools.lru_cache(maxsize=256)
def roots_in_force(newest: Newest) -> frozenset[str]:
    """The SHA-256 of a release's roots, read once for the same reason."""
    content = models.Release.objects.values_list("content", flat=True).get(pk=newest.id)
    return frozenset(content["roots"])


def find(actor: Actor, environment: str | None = None) -> QuerySet[models.Release]:
    """Releases, newest first, of one environment or of all."""
    require(actor, "releases.read")
    rows = models.Release.objects.select_related("environment").order_by("-created_at", "-pk")
    if environment is None:
        return rows
    row = found.by_name(models.Environment.objects.all(), environment, "environment")
    return rows.filter(environment=row)


def get(actor: Actor, environment: str, number: int) -> models.Release:
    """One release. Raises `NotFound`."""
    release = find(actor, environment).filter(number=number).first()
    if release is None:
        raise NotFound(f"The environment {environment} has no release {number}.")
    return release


def release_json(release: models.Release) -> dict[str, Any]:
    """The contract's *Release*, with what each gateway's nodes said of it."""
    from .delivery import rows_of  # delivery builds on releases; only this view of a release needs it back

    return {
        "environment": release.environment.name,
        "number": release.number,
        "digest": release.digest,
        "created_at": rfc3339(release.created_at),
        "made_by": release.made_by,
        "note": release.note,
        "restored_from": release.restored_from,
        "left_out": release.left_out,
        "gateways": [row.json() for row in rows_of(release)],
    }
