"""What a promotion would take from one environment into another, and what it leaves behind, as a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils import timezone

from trustyard import models
from trustyard.errors import FieldError, Refused
from trustyard.pki.content import LeftOut
from trustyard.pki.differences import Difference
from trustyard.pki.names import fold

from . import releases
from .certificates import EntryGiven
from .certificates_read import entry_status
from .jwk_connection import JwkChange
from .restored import digest_of
from .sources import Kept

_UNFIT = ("revoked", "expired", "not yet valid")  # a release of the source would leave these out (D-19)


@dataclass(frozen=True)
class Step:
    """One certificate: added to the target under its alias, or put in the place of what its entry there holds."""

    name: str
    alias: str
    change: Literal["add", "replace"]
    entry: models.Entry

    def given(self, target: models.Environment) -> EntryGiven:
        """The same as a person would save it."""
        entry = self.entry
        source = Kept(entry.x509_id, entry.source_kind, entry.source_url, tuple(entry.chain))
        return EntryGiven((target.name,), self.alias if self.change == "add" else None, source)

    def json(self) -> dict[str, Any]:
        """As REST shows it."""
        return {"certificate": self.name, "alias": self.alias, "change": self.change, "sha256": self.entry.x509_id}


@dataclass
class Promotion:
    """What was taken, or would be; what was not and why; what that changes of the target's next release."""

    source: models.Environment
    target: models.Environment
    steps: list[Step]
    left_behind: list[LeftOut]
    version: str
    difference: Difference = field(default_factory=Difference)
    waiting: Difference = field(default_factory=Difference)  # saved in the target before, and in no release yet
    questions: list[dict[str, Any]] = field(default_factory=list)
    jwks: list[JwkChange] = field(default_factory=list)
    releases: list[models.Release] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        """As REST shows it, before and after."""
        return {
            "environment": self.target.name,
            "from": self.source.name,
            "version": self.version,
            "certificates": [step.json() for step in self.steps],
            "left_behind": [vars(row) for row in self.left_behind],
            "difference": self.difference.json(),
            "waiting": self.waiting.json(),
            "jwk_connection": self.questions,
            "jwks": [vars(change) for change in self.jwks],
        }


def plan(start: models.Environment, place: models.Environment, names: Sequence[str] | None) -> Promotion:
    """The steps for the certificates of these names, or for all. Raises `Refused` for a name that `start` lacks."""
    steps, left_behind, seen = [], [], []
    now = timezone.now()
    own = {entry.certificate_id: entry for entry in models.Entry.objects.filter(environment=place)}
    entries = _entries(start)
    chosen = {entry.pk for entry in _chosen(start, entries, names)}
    for entry in entries:
        there = own.get(entry.certificate_id)
        name, state = entry.certificate.name, entry_status(entry, now)
        # What nobody chose counts too, so that one preview is good for every choice out of it.
        seen.append([name, entry.certificate.version, entry.alias, entry.x509_id, state in _UNFIT])
        if entry.pk not in chosen:
            continue
        if state in _UNFIT:
            why = f"In {start.name}: {releases.reason(state, entry.x509.not_before, entry.x509.not_after)}"
            left_behind.append(LeftOut(name, entry.alias, why))
        elif there is None:
            steps.append(Step(name, entry.alias, "add", entry))
        elif there.x509_id != entry.x509_id:
            steps.append(Step(name, there.alias, "replace", entry))
        elif there.revoked:
            left_behind.append(LeftOut(name, there.alias, f"The same certificate is revoked in {place.name}."))
    newest = releases.latest(place.pk)
    return Promotion(start, place, steps, left_behind, digest_of([newest.pk if newest else 0, *seen]))


def _entries(start: models.Environment) -> list[models.Entry]:
    rows = models.Entry.objects.filter(environment=start).select_related("certificate", "x509", "environment")
    return list(rows.order_by("certificate__name_key"))


def _chosen(
    start: models.Environment, entries: Sequence[models.Entry], names: Sequence[str] | None
) -> Sequence[models.Entry]:
    if names is None:
        return entries
    there = {entry.certificate.name_key: entry for entry in entries}
    missing = [
        FieldError(f"certificates.{index}", f"There is no certificate named {name} in {start.name}.")
        for index, name in enumerate(names)
        if fold(name) not in there
    ]
    if missing:
        raise Refused(missing[0].message, code="unknown-certificate", fields=missing)
    return [there[fold(name)] for name in names]
