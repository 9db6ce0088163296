"""Restore: a new release with the content of an old one (D-22), without what may not come back (D-19), each named.

(1) lock the environment, (2) judge the old content at this moment, (3) somebody saw it before and it is another by now:
refuse, (4) the newest release holds just that: nothing to do, (5) keep it as a new release, in one transaction. Saved
entries stay as they are; the next deploy lists what it would change and asks (`actions/restored.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.utils import timezone

from trustyard import models
from trustyard.errors import Moved
from trustyard.pki.content import Content, LeftOut, PublishedJwk, TrustedEntry
from trustyard.pki.truststores import root_alias

from . import audit, found, omissions, releases
from .actors import Actor
from .permissions import require
from .releases import Deployed
from .restored import Waiting, digest_of
from .retries import retried
from .withdrawn import Withdrawn

Item = TypeVar("Item")
Sorted = tuple[list[Item], list[LeftOut]]  # what comes back, and what does not
Stored = Mapping[str, models.StoredCertificate]


@dataclass(frozen=True)
class Restoration:
    """What restoring a release would do: the content that comes back, what cannot and why, and what that changes."""

    release: models.Release
    wanted: Waiting

    @property
    def version(self) -> str:
        """Names exactly this: it moves when a release is made, or something of the old one may no longer come back."""
        newest = self.wanted.newest
        return digest_of([newest.pk if newest else 0, self.wanted.digest, self.wanted.left_out])

    @property
    def changes(self) -> bool:
        """Whether the newest release says something else."""
        return self.wanted.newest is None or self.wanted.newest.digest != self.wanted.digest

    def json(self) -> dict[str, Any]:
        """As REST shows it before it is done."""
        return {
            "environment": self.wanted.environment.name,
            "release": self.release.number,
            "version": self.version,
            "left_out": self.wanted.left_out,
            "difference": self.wanted.difference().json(),
        }


def preview(actor: Actor, environment: str, number: int) -> Restoration:
    """What restoring this release would do now; nothing is written. Raises `NotFound`, `NotAllowed`."""
    release = releases.get(actor, environment, number)
    require(actor, "releases.deploy", [release.environment.name])
    return _plan(release.environment, release)


@retried
def restore(actor: Actor, environment: str, number: int, *, note: str = "", version: str | None = None) -> Deployed:
    """Puts an old release's content in force as a new release; nothing is made where the newest holds just that.

    `version` is that of a preview: raises `Moved` where it would do something else by now. Raises `NotFound`.
    """
    release = releases.get(actor, environment, number)
    require(actor, "releases.deploy", [release.environment.name])
    note = found.description(note, "note")
    with audit.transaction():
        place = found.locked(release.environment, "environment")
        planned = _plan(place, release)
        if version is not None and version != planned.version:
            raise Moved(
                f"{place.name} is not what it was when this was shown.", advice="Look at what would change now."
            )
        if planned.wanted.newest is not None and not planned.changes:
            return releases.again(planned.wanted.newest)
        return Deployed(releases.keep(actor, planned.wanted, note, restored_from=release.number), created=True)


def _plan(place: models.Environment, release: models.Release) -> Restoration:
    content = _judged(place, release.read(), timezone.now())
    return Restoration(release, Waiting(place, releases.latest(place.pk), content))


def _judged(place: models.Environment, old: Content, now: datetime) -> Content:
    withdrawn = Withdrawn(place)
    stored = models.StoredCertificate.objects.defer("der", "search_text").in_bulk(list(old.certificates()))
    entries, left_out = _entries(old, withdrawn, stored, now)
    roots, left_roots = _roots(old, place, stored, now)
    jwks, left_jwks = _jwks(old, withdrawn)
    left_out += [*omissions.doubles(entries), *left_roots, *left_jwks]
    return Content(place.name, tuple(entries), tuple(roots), tuple(jwks), tuple(left_out))


def _entries(old: Content, withdrawn: Withdrawn, stored: Stored, now: datetime) -> Sorted[TrustedEntry]:
    kept, left_out = [], []
    for entry in old.entries:
        if why := withdrawn.certificate(entry) or _dated(stored.get(entry.sha256), now):
            left_out.append(LeftOut(entry.certificate, entry.alias, why))
        else:
            kept.append(entry)
    return kept, left_out


def _roots(old: Content, place: models.Environment, stored: Stored, now: datetime) -> Sorted[str]:
    kept, left_out = [], []
    for sha256 in old.roots:
        row = stored.get(sha256)
        denied = f"On the deny list of {place.name}." if sha256 in place.deny_list else None
        if why := denied or _dated(row, now):
            left_out.append(LeftOut(row.certificate_name if row else sha256, root_alias(sha256), why))
        else:
            kept.append(sha256)
    return kept, left_out


def _jwks(old: Content, withdrawn: Withdrawn) -> Sorted[PublishedJwk]:
    kept, left_out = [], []
    for key in old.jwks:
        if why := withdrawn.jwk(key):
            left_out.append(LeftOut(key.name, "", f"JWK with the key ID {key.jwk.get('kid')}: {why}"))
        else:
            kept.append(key)
    return kept, left_out


def _dated(row: models.StoredCertificate | None, now: datetime) -> str | None:
    """Why this certificate is left out now, or None (D-19)."""
    if row is None:
        return "The certificate itself is no longer stored."
    why = omissions.passing(row, now)
    return why.sentence if why else None
