"""Where a certificate stands: the environments that a deploy is for when the save itself changed nothing there."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import F

from trustyard import models

from . import found
from .actors import Actor
from .permissions import allowed, require


def to_deploy(actor: Actor, certificate: models.Certificate) -> list[models.Environment]:
    """Those of its environments that the actor may deploy to. Raises `NotAllowed` where that is none of them."""
    places = _places(certificate)
    mine = _allowed(actor, places)
    if not mine:
        require(actor, "releases.deploy", found.names(places))
    return mine


def deployable(actor: Actor, certificate: models.Certificate) -> list[models.Environment]:
    """The same, for saying beforehand what a deploy would bring: none where it would be refused."""
    return _allowed(actor, _places(certificate))


def _allowed(actor: Actor, places: Sequence[models.Environment]) -> list[models.Environment]:
    return [place for place in places if allowed(actor, "releases.deploy", [place.name])]


def _places(certificate: models.Certificate) -> list[models.Environment]:
    saved = [entry.environment for entry in certificate.entries.select_related("environment")]
    return saved + _still_in_force(certificate, saved)


def _still_in_force(certificate: models.Certificate, but: Sequence[models.Environment]) -> list[models.Environment]:
    """Where its entry was removed without a deploy: the newest release still holds it there."""
    left = _left(certificate) - set(found.names(but))
    rows = models.Release.objects.filter(environment__name__in=left, number=F("environment__last_number"))
    return [row.environment for row in rows.select_related("environment") if _holds(row, certificate)]


def _left(certificate: models.Certificate) -> set[str]:
    """The environments that it ever left. The audit knows: to look through every release there is would take long."""
    events = models.AuditEvent.objects.filter(object_name=certificate.name, action="certificate.update").order_by()
    pairs = events.values_list("before__entries", "after__entries")
    return {place for before, after in pairs for place in before.keys() - after.keys()}


def _holds(release: models.Release, certificate: models.Certificate) -> bool:
    return any(entry["certificate"] == certificate.name for entry in release.content["entries"])
