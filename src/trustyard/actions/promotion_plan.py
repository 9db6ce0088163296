"""What a promotion would take from one environment into another, and what it leaves behind, as a plan."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db.models import QuerySet
from django.utils import timezone

from trustyard import models
from trustyard.errors import FieldError, Refused
from trustyard.gateways.preflight import Note
from trustyard.pki.content import LeftOut
from trustyard.pki.differences import Difference
from trustyard.pki.names import fold

from . import alias_files, entries, findings, omissions, releases
from .jwk_connection import JwkChange
from .restored import digest_of

TAKEN = ("x509_id", "source_kind", "source_url", "chain")  # what an entry of the target gets of the source's


@dataclass(frozen=True)
class Step:
    """One certificate: added to the target under its alias, or put in the place of what its entry `there` holds."""

    alias: str
    entry: models.Entry
    there: models.Entry | None = None

    @property
    def name(self) -> str:
        """The certificate's name."""
        return self.entry.certificate.name

    @property
    def change(self) -> Literal["add", "replace"]:
        """What becomes of the target's entry."""
        return "replace" if self.there else "add"

    def becomes(self, target: models.Environment) -> models.Entry:
        """The target's entry after the promotion. A revocation does not stay: it was of the old certificate."""
        kept = {name: getattr(self.entry, name) for name in TAKEN}
        entry = models.Entry(certificate=self.entry.certificate, environment=target, **kept)
        entries.set_alias(entry, self.alias)
        return entry

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
    newest: models.Release | None  # of the target
    difference: Difference = field(default_factory=Difference)
    waiting: Difference = field(default_factory=Difference)  # saved in the target before, and in no release yet
    left_out: list[LeftOut] = field(default_factory=list)  # of what is taken, by the target's releases
    questions: list[dict[str, Any]] = field(default_factory=list)
    jwks: list[JwkChange] = field(default_factory=list)
    releases: list[models.Release] = field(default_factory=list)
    findings: tuple[Note, ...] = ()  # of what was taken and not deployed; a release's are its own

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
            "left_out": [vars(row) for row in self.left_out],
            "jwk_connection": self.questions,
            "jwks": [vars(change) for change in self.jwks],
            "findings": [note.json() for note in self.findings],
        }


def plan(
    start: models.Environment,
    place: models.Environment,
    names: Sequence[str] | None,
    held: Collection[int] | None = None,
) -> Promotion:
    """The steps for the certificates of these names, or for all. Raises `Refused` for a name that `start` lacks.

    `held` are the numbers of certificates that are locked: one that came meanwhile is not there yet.
    """
    steps, left_behind, seen = [], [], []
    now = timezone.now()
    rows = [entry for entry in _entries(start) if held is None or entry.certificate_id in held]
    weak = findings.errors(entry.x509_id for entry in rows) if omissions.leaves_weak_out(start) else {}
    met = dict(alias_files.colliding(entry.alias for entry in sorted(rows, key=lambda entry: entry.pk)))
    own = {entry.certificate_id: entry for entry in _shared(start, place)}
    chosen = {entry.pk for entry in _chosen(start, rows, names)}
    for entry in rows:
        there = own.get(entry.certificate_id)
        name, error = entry.certificate.name, weak.get(entry.x509_id, "")
        why = omissions.why(start, entry.x509, now, error, met.get(entry.alias, ""), revoked=entry.revoked)
        # Over all certificates, chosen or not, so that one preview serves any selection from it.
        seen.append([name, entry.certificate.version, entry.alias, entry.x509_id, why is not None])
        if entry.pk not in chosen:
            continue
        if why:
            left_behind.append(LeftOut(name, entry.alias, f"In {start.name}: {why.sentence}"))
        elif there is None:
            steps.append(Step(entries.clean_alias(entry.alias, f"certificates.{name}"), entry))
        elif there.x509_id != entry.x509_id:
            steps.append(Step(there.alias, entry, there))
        elif there.revoked:
            left_behind.append(LeftOut(name, there.alias, f"The same certificate is revoked in {place.name}."))
    newest = releases.latest(place.pk)
    version = digest_of([newest.pk if newest else 0, *seen])
    return Promotion(start, place, steps, left_behind, version, newest)


def _entries(start: models.Environment) -> list[models.Entry]:
    rows = models.Entry.objects.filter(environment=start).select_related("certificate", "x509")
    # What is not looked at stays where it is: each column of many thousand rows takes its time.
    entry = ("environment", "alias", "revoked_at", *(name.removesuffix("_id") for name in TAKEN))
    certificate = ("certificate__name", "certificate__version", "certificate__description")
    rows = rows.only(*entry, *certificate, "x509__not_before", "x509__not_after")
    return list(rows.order_by("certificate__name_key"))


def _shared(start: models.Environment, place: models.Environment) -> QuerySet[models.Entry]:
    """The entries of `place` whose certificates `start` has too."""
    return models.Entry.objects.filter(environment=place, certificate__entries__environment=start).order_by()


def _chosen(
    start: models.Environment, rows: Sequence[models.Entry], names: Sequence[str] | None
) -> Sequence[models.Entry]:
    if names is None:
        return rows
    there = {entry.certificate.name_key: entry for entry in rows}
    missing = [
        FieldError(f"certificates.{index}", f"There is no certificate named {name} in {start.name}.")
        for index, name in enumerate(names)
        if fold(name) not in there
    ]
    if missing:
        raise Refused(missing[0].message, code="unknown-certificate", fields=missing)
    return [there[fold(name)] for name in names]
