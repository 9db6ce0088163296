"""Where a certificate stands: the environments that a deploy is for when the save itself changed nothing there."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from django.db.models import F

from trustyard import models

from . import found
from .actors import Actor
from .permissions import allowed, require

_CREATE, _UPDATE = "certificate.create", "certificate.update"


@dataclass(frozen=True)
class Story:
    """The names that a certificate ever had, for a release may hold it under an older one, and what it ever left."""

    names: set[str]
    left: set[str] = field(default_factory=set)  # environments, by name


def to_deploy(actor: Actor, certificate: models.Certificate) -> list[models.Environment]:
    """Those of its environments that the actor may deploy to. Raises `NotAllowed` where that is none of them."""
    places = _places(certificate, story_of(certificate))
    mine = _allowed(actor, places)
    if not mine:
        require(actor, "releases.deploy", found.names(places))
    return mine


def deployable(actor: Actor, certificate: models.Certificate, story: Story) -> list[models.Environment]:
    """The same, for saying beforehand what a deploy would bring: none where it would be refused."""
    return _allowed(actor, _places(certificate, story))


def left(actor: Actor, certificate: models.Certificate, story: Story) -> list[models.Environment]:
    """Those of them that it left without a deploy: they still hold it, and its deletion takes it out there too."""
    return _allowed(actor, _still_in_force(story, _saved(certificate)))


def _allowed(actor: Actor, places: Sequence[models.Environment]) -> list[models.Environment]:
    return [place for place in places if allowed(actor, "releases.deploy", [place.name])]


def _places(certificate: models.Certificate, story: Story) -> list[models.Environment]:
    saved = _saved(certificate)
    return saved + _still_in_force(story, saved)


def _saved(certificate: models.Certificate) -> list[models.Environment]:
    return [entry.environment for entry in certificate.entries.select_related("environment")]


def _still_in_force(story: Story, but: Sequence[models.Environment]) -> list[models.Environment]:
    """Where its entry was removed without a deploy: the newest release still holds it there."""
    names = story.left - set(found.names(but))
    rows = models.Release.objects.filter(environment__name__in=names, number=F("environment__last_number"))
    return [row.environment for row in rows.select_related("environment") if _holds(row, story.names)]


def story_of(certificate: models.Certificate) -> Story:
    """The audit knows: to look through every release there is would take long.

    Events bear the name of their time, which another certificate may have had before and may have got since: the story
    goes back from the newest event to the certificate's beginning, from each renaming on under the name of before.
    """
    story = Story({certificate.name})
    rows, name = models.AuditEvent.objects.filter(action__in=(_CREATE, _UPDATE)).order_by("-pk"), certificate.name
    columns = ("pk", "action", "before__name", "before__entries", "after__entries")
    events = iter(rows.filter(object_name=name).values_list(*columns))
    while (event := next(events, None)) is not None:
        pk, action, named, before, after = event
        if action == _CREATE:
            break
        story.left.update(set(before or ()) - set(after or ()))
        if named is not None and named != name:
            name = named
            story.names.add(name)
            events = iter(rows.filter(object_name=name, pk__lt=pk).values_list(*columns))
    return story


def _holds(release: models.Release, names: Container[str]) -> bool:
    """Whether the release has an entry of one of these names that nobody has there by now."""
    held = [entry for entry in release.content["entries"] if entry["certificate"] in names]
    return any(not _is_saved(release.environment_id, entry) for entry in held)


def _is_saved(environment_id: int, entry: dict[str, str]) -> bool:
    rows = models.Entry.objects.filter(environment_id=environment_id, certificate__name=entry["certificate"])
    return rows.filter(alias=entry["alias"], x509=entry["sha256"]).exists()
