"""A restored release stays in force until somebody confirms what a deploy would change of it (D-22)."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from trustyard import models
from trustyard.errors import Moved, Restored
from trustyard.pki.content import Content
from trustyard.pki.differences import Difference, Known, difference

from . import roots

# True, or the `version` of the refusal: then only what it listed is confirmed.
Confirmed = bool | str


@dataclass(frozen=True)
class Waiting:
    """What an environment would hold next, beside what it holds now."""

    environment: models.Environment
    newest: models.Release | None
    content: Content

    @functools.cached_property
    def digest(self) -> str:
        """The digest of the content."""
        return self.content.digest()

    @property
    def left_out(self) -> list[dict[str, Any]]:
        """The rows of `left_out` as a release keeps them."""
        return [vars(row) for row in self.content.left_out]

    @property
    def is_in_force(self) -> bool:
        """Whether the newest release says just this already."""
        newest = self.newest
        return newest is not None and (newest.digest, newest.left_out) == (self.digest, self.left_out)

    @property
    def differs(self) -> bool:
        """Whether the next release would say something else; nothing at all is what an environment begins with."""
        return not self.is_in_force if self.newest is not None else self.content != Content(self.environment.name)

    @property
    def left_out_alone(self) -> bool:
        """Whether what is left out, or why, is all that it would say otherwise."""
        held = self.newest.digest if self.newest is not None else Content(self.environment.name).digest()
        return self.differs and self.digest == held

    @property
    def takes_back(self) -> bool:
        """Whether the newest release was restored, and this says something else."""
        newest = self.newest
        return newest is not None and newest.restored_from is not None and newest.digest != self.digest

    def difference(self) -> Difference:
        """From what is in force to what would be."""
        held = self.newest.read() if self.newest is not None else Content(self.environment.name)
        return between(self.environment, held, self.content)


def check(waiting: Sequence[Waiting], confirmed: Confirmed) -> None:
    """Raises `Restored` with the list of what would change, unless that is confirmed."""
    asked = [one for one in waiting if one.takes_back]
    if not asked or confirmed is True:
        return
    version = version_of(asked)
    if confirmed == version:
        return
    named = ", ".join(f"{one.environment.name} (release {one.newest.restored_from})" for one in asked if one.newest)
    raise Restored(
        f"A restored release is in force in {named}; this deploy would put what is saved in its place.",
        advice="Look at what would change, then repeat it with confirm_restored.",
        extra={"version": version, "restored": [_json(one) for one in asked], "moved": bool(confirmed)},
    )


def _json(one: Waiting) -> dict[str, Any]:
    assert one.newest is not None  # else it is not asked about
    return {
        "environment": one.environment.name,
        "release": one.newest.number,
        "restored_from": one.newest.restored_from,
        **one.difference().json(),
    }


def between(environment: models.Environment, before: Content, after: Content) -> Difference:
    """The difference of two contents of an environment, with names and dates."""
    needed = before.certificates() | after.certificates()
    rows = models.StoredCertificate.objects.filter(pk__in=needed)
    columns = rows.values_list("pk", "certificate_name", "not_before", "not_after")
    known = {pk: Known(name, not_before, not_after) for pk, name, not_before, not_after in columns}
    if needed - known.keys():  # roots are stored with the first release that holds them
        for root in roots.of(environment):
            facts = root.facts
            known.setdefault(root.sha256, Known(facts.certificate_name, facts.not_before, facts.not_after))
    return difference(before, after, known)


def version_of(waiting: Iterable[Waiting]) -> str:
    """Names what these environments hold, and would hold next."""
    return digest_of([one.newest.pk if one.newest else 0, one.digest] for one in waiting)


def check_version(waiting: Sequence[Waiting], version: str | None) -> None:
    """Raises `Moved` where a version is given, and is not that of these."""
    if version is not None and version != version_of(waiting):
        raise Moved("What is saved is not what it was when this was shown.", advice="Look at what would change now.")


def digest_of(value: Iterable[Any]) -> str:
    """A short name of exactly this state, for what is shown first and confirmed later."""
    return hashlib.sha256(json.dumps(list(value), sort_keys=True).encode()).hexdigest()[:32]
