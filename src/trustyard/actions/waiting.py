"""What else waits: changes that a release brings besides the one that makes it, for it holds a whole environment."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from django.utils import timezone

from trustyard import models
from trustyard.pki.content import Content
from trustyard.pki.differences import Difference, difference

from . import releases


@dataclass(frozen=True)
class Others:
    """So many other changes of one environment; never none."""

    environment: models.Environment
    count: int


def besides(entries: Iterable[models.Entry]) -> list[Others]:
    """What releases that a change of these entries and of their JWKs makes would bring besides."""
    entries = list(entries)
    jwks = models.Jwk.objects.filter(entry__in=entries)
    names = set(jwks.values_list("name", flat=True))
    touched = [entry.environment_id for entry in entries]
    touched += models.Environment.objects.filter(jwks__in=jwks).values_list("pk", flat=True)
    places = models.Environment.objects.filter(pk__in=touched).order_by("pk")
    certificates = {entry.certificate.name for entry in entries}
    counted = [Others(place, _count(_next(place), certificates, names)) for place in places]
    return [one for one in counted if one.count]


def _next(place: models.Environment) -> Difference:
    newest = releases.latest(place.pk)
    held = newest.read() if newest is not None else Content(place.name)
    return difference(held, releases.build(place, timezone.now()))


def _count(change: Difference, certificates: Container[str | None], jwks: Container[str]) -> int:
    lines = [*change.added, *change.removed, *(pair.after for pair in change.changed)]
    keys = [*change.jwks.added, *change.jwks.removed, *(new for _, new in change.jwks.changed)]
    return sum(line.certificate not in certificates for line in lines) + sum(key.name not in jwks for key in keys)
