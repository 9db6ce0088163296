"""What else waits: changes that a release brings besides the one that makes it, for it holds a whole environment."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from trustyard import models
from trustyard.pki.content import Content, PublishedJwk
from trustyard.pki.differences import Difference, difference
from trustyard.pki.names import fold

from . import found, in_force, releases, standing
from .actors import Actor
from .restored import Waiting

NAMED = 20
_AT_ONCE = 25  # environments whose contents are in memory together


@dataclass(frozen=True)
class Others:
    """So many other changes of one environment, and the roots that its first release brings; never none of both."""

    environment: models.Environment
    count: int
    roots: int = 0


@dataclass(frozen=True)
class Own:
    """The names of what a change was about, those of before too: certificates and JWKs."""

    certificates: Iterable[str] = ()
    jwks: Iterable[str] = ()


@dataclass(frozen=True)
class Going:
    """What a certificate is taken out of by its deletion, and what the releases of that bring besides."""

    entries: list[models.Entry]
    left: list[models.Environment]  # it has no entry there any more, but is in force
    besides: list[Others]


def brought(release: models.Release, own: Own | None) -> dict[str, Any]:
    """What a release that was made just now changed besides its maker's `own`, as REST shows it (None: all was meant).

    The newest release that a deploy found in force already changed nothing. Roots are not named.
    """
    if own is None or release.before is None:
        return {"count": 0, "names": []}
    change = difference(release.before.read(), release.read())
    pairs = [line for pair in change.changed for line in (pair.before, pair.after)]
    lines = {line.certificate for line in (*change.added, *change.removed, *pairs) if line.certificate is not None}
    keys = {key.name for key in (*change.jwks.added, *change.jwks.removed, *(new for _, new in change.jwks.changed))}
    names = [*_foreign(lines, own.certificates), *_foreign(keys, own.jwks)]
    return {"count": len(names), "names": names[:NAMED]}


def _foreign(names: Iterable[str], own: Iterable[str]) -> list[str]:
    mine = set(map(fold, own))
    return sorted((name for name in names if fold(name) not in mine), key=fold)


def differing(places: Sequence[models.Environment], newest: Mapping[int, models.Release]) -> dict[int, Waiting]:
    """By the ids of these environments what a deploy would hold, where that would say something else than this."""
    built = releases.build_all(places, timezone.now())
    waiting = (Waiting(place, newest.get(place.pk), built[place.pk]) for place in places)
    return {one.environment.pk: one for one in waiting if one.differs}


def besides(entries: Iterable[models.Entry]) -> list[Others]:
    """What releases that a change of these entries and of their JWKs makes would bring besides."""
    entries = list(entries)
    jwks = models.Jwk.objects.filter(entry__in=entries)
    return _others({entry.environment.name for entry in entries}, jwks, {entry.certificate.name for entry in entries})


def going(actor: Actor, certificate: models.Certificate) -> Going:
    """What the deletion of this certificate would do, deployed."""
    entries = list(certificate.entries.select_related("environment").order_by("environment_id"))
    story = standing.story_of(certificate)
    left = standing.left(actor, certificate, story)
    touched = found.names([*(entry.environment for entry in entries), *left])
    return Going(entries, left, _others(touched, models.Jwk.objects.filter(entry__in=entries), story.names))


def besides_draft(actor: Actor, draft: models.Draft) -> list[Others]:
    """What the releases of *Save and Deploy* would bring besides what this draft changes."""
    content, stored = draft.content, draft.certificate
    renamed = stored is not None and content["name"] != stored.name
    touched = {row["environment"] for row in content["rows"] if row["changed"] or renamed}
    touched |= set(content["removed"])
    story = standing.story_of(stored) if stored is not None else standing.Story(set())
    if stored is not None and not touched and not content["others"]:
        touched = set(found.names(standing.deployable(actor, stored, story)))
    entries = models.Entry.objects.filter(certificate_id=draft.certificate_id or 0, environment__name__in=touched)
    touched = touched.union(*(other["environments"] for other in content["others"]))
    return _others(touched, models.Jwk.objects.filter(entry__in=entries), story.names)


def besides_jwk(jwk: models.Jwk) -> list[Others]:
    """What the releases that a change of this JWK makes, or its deletion, would bring besides."""
    return _others(found.names(jwk.environments.all()), models.Jwk.objects.filter(pk=jwk.pk), set())


def jwk_waits(jwk: models.Jwk, environment_id: int, newest: Mapping[int, in_force.Newest]) -> bool:
    """Whether the next release of an environment changes what is published of this JWK there."""
    release = newest.get(environment_id)
    if release is None:
        return jwk.state == "active"
    held = in_force.held(release)
    if jwk.state == "active":
        return not held.publishes(jwk.public)
    return held.publishes(jwk.public) or held.publishes_for(jwk.name)


def besides_new_jwk(environments: Iterable[str]) -> list[Others]:
    """What the releases of a JWK that is made for these environments would bring besides."""
    return _others(environments, models.Jwk.objects.none(), set())


def _others(touched: Iterable[str], jwks: QuerySet[models.Jwk], certificates: Container[str | None]) -> list[Others]:
    own: set[str | tuple[str, str]] = set()
    for name, kid, use in jwks.values_list("name", "kid", "use"):
        own |= {name, (kid, use)}  # what is published of it may bear an older name, or an older key
    places = list(models.Environment.objects.filter(name__in=touched).order_by("pk"))
    parts = (places[at : at + _AT_ONCE] for at in range(0, len(places), _AT_ONCE))
    counted = [one for part in parts for one in _counted(part, certificates, own)]
    return [one for one in counted if one.count or one.roots]


def _counted(
    places: Sequence[models.Environment],
    certificates: Container[str | None],
    jwks: Container[str | tuple[str, str]],
) -> Iterator[Others]:
    """What the next release of each would change, in a fixed number of queries."""
    built = releases.build_all(places, timezone.now())
    held = {release.environment_id: release.read() for release in releases.latest_of(places)}
    for place in places:
        change = difference(held.get(place.pk) or Content(place.name), built[place.pk])
        # Nobody changed the roots of an environment that has no release yet: they come with the first one.
        roots = 0 if place.pk in held else sum(line.origin == "root" for line in change.added)
        yield Others(place, _count(change, certificates, jwks) - roots, roots)


def _count(change: Difference, certificates: Container[str | None], jwks: Container[str | tuple[str, str]]) -> int:
    lines = [*change.added, *change.removed, *(pair.after for pair in change.changed)]
    keys = [*change.jwks.added, *change.jwks.removed, *(new for _, new in change.jwks.changed)]
    foreign = [key for key in keys if key.name not in jwks and _identity(key) not in jwks]
    return sum(line.certificate not in certificates for line in lines) + len(foreign)


def _identity(key: PublishedJwk) -> tuple[str, str]:
    return key.jwk["kid"], key.jwk.get("use", "")
