"""Where a certificate stands: the environments that a deploy is for when the save itself changed nothing there."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
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
    newest = models.Release.objects.select_related("environment").order_by("environment_id")
    rows = newest.filter(number=F("environment__last_number")).exclude(environment__in=but)
    if connection.features.supports_json_field_contains:  # else each release is read, which fits a database of one file
        rows = rows.filter(content__entries__contains=[{"certificate": certificate.name}])
    return [row.environment for row in rows.iterator(1) if _holds(row, certificate)]


def _holds(release: models.Release, certificate: models.Certificate) -> bool:
    return any(entry["certificate"] == certificate.name for entry in release.content["entries"])
