"""What two releases of an environment differ in, or a release and what is saved; and a release as a folder to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from trustyard import models
from trustyard.errors import FieldError, Refused
from trustyard.gateways.contents import files_of
from trustyard.pki.content import Content
from trustyard.pki.differences import Difference
from trustyard.pki.filenames import safe_filename
from trustyard.pki.truststores import sha256sums, zip_of

from . import delivery, releases
from .actors import Actor
from .files import File
from .restored import between

SAVED = "saved"


@dataclass(frozen=True)
class Compared:
    """Two states of an environment and their difference: numbers of releases, `saved`, or None for nothing at all."""

    environment: str
    start: int | str | None
    end: int | str
    difference: Difference

    def json(self) -> dict[str, Any]:
        """As REST shows it: the difference, and of which two states."""
        return {"environment": self.environment, "from": self.start, "to": self.end, **self.difference.json()}


def compare(actor: Actor, environment: str, number: int, against: str = "") -> Compared:
    """What release `number` changed against another one, by default the one before it.

    Against `saved` it is the other way round, because that comes later: what the next release would change.
    Raises `NotFound`, `Refused` for what is neither a number nor `saved`.
    """
    release = releases.get(actor, environment, number)
    place = release.environment
    if against == SAVED:
        wanted = releases.build(place, timezone.now())
        return Compared(place.name, number, SAVED, between(place, release.read(), wanted))
    other = _before(release) if not against else releases.get(actor, environment, _number(against))
    held = other.read() if other is not None else Content(place.name)
    return Compared(place.name, other.number if other else None, number, between(place, held, release.read()))


def _before(release: models.Release) -> models.Release | None:
    earlier = models.Release.objects.filter(environment_id=release.environment_id, number__lt=release.number)
    return earlier.order_by("-number").first()


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text) > 0:
        return int(text)
    sentence = f"A release is compared against the number of another one, or against {SAVED}."
    raise Refused(sentence, code="bad-filter", fields=[FieldError("against", sentence)])


def download(actor: Actor, environment: str, number: int) -> File:
    """The folder that a gateway of kind `files` is given, as a ZIP archive with `SHA256SUMS`. Raises `NotFound`."""
    release = releases.get(actor, environment, number)
    material = delivery.of_release(release)
    files = dict(files_of(material).files)
    name = f"release-{safe_filename(release.environment.name)}-{number}.zip"
    return File(name, "application/zip", zip_of({**files, "SHA256SUMS": sha256sums(files)}, release.created_at))
