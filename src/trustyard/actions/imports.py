"""Imports: many certificates at once, stored in one transaction; what cannot be taken is left out and named.

An import: (1) permit and judge the limits, (2) take the files apart, (3) read each certificate, (4) leave out what its
environments hold already and name the rest, (5) write certificates and entries, (6) the audit events, (7) the releases.
Nothing before step 4 holds a lock, steps 4 to 7 are one transaction.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from trustyard import models
from trustyard.errors import FieldError, InputRefused, Refused, TooLarge
from trustyard.gateways.preflight import Note
from trustyard.models.batches import BATCH, batches
from trustyard.pki.certificates import Certificate as X509Certificate
from trustyard.pki.certificates import read_certificate
from trustyard.pki.containers import Notice, open_file
from trustyard.pki.names import fold
from trustyard.pki.reading import check_count

from . import audit, entries, found, preflight, releases
from .actors import Actor
from .importplans import Part, Plan, planned
from .permissions import require
from .restored import Confirmed
from .retries import retried
from .sources import Chosen

MAX_CERTIFICATES = 20_000
MAX_BYTES = 64_000_000  # 64 MB


@dataclass(frozen=True)
class Given:
    """A file or text to import: its bytes (or why there are none), and how sentences call it (`certs/bundle.pem`).

    `name` and `alias` are for its only certificate; `stem` names that one when they are not given.
    """

    place: str
    data: bytes | InputRefused
    name: str | None = None
    alias: str | None = None
    stem: str = ""


@dataclass(frozen=True)
class LeftOut:
    """What was not stored, and why."""

    item: str
    reason: str
    code: str


@dataclass
class Imported:
    """What an import did: names in the order of what was given, what was left out, notices by place, releases."""

    names: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notices: list[tuple[str, Notice]] = field(default_factory=list)
    releases: list[models.Release] = field(default_factory=list)
    findings: tuple[Note, ...] = ()  # of what was stored and not deployed; a release's are its own


class Import:
    """An import under way: made of what was given, then `read`, then `store`."""

    def __init__(self, actor: Actor, environments: Sequence[str], given: Sequence[Given], password: str | None = None):
        """Permits, judges the limits and takes everything apart. Raises `Refused`, `TooLarge`, `NotAllowed`."""
        require(actor, "certificates.write")
        self._actor = actor
        self._places = _places(environments)
        require(actor, "certificates.write", found.names(self._places))
        if sum(len(one.data) for one in given if isinstance(one.data, bytes)) > MAX_BYTES:
            raise TooLarge(
                f"An import takes at most {MAX_BYTES // 1_000_000} MB.", advice="Split it into several imports."
            )
        self._notices: list[tuple[str, Notice]] = []
        self._parts: list[Part] = []
        for one in given:
            self._parts += self._apart(one, password)
            check_count(len(self._parts), MAX_CERTIFICATES)
        if not self._parts:
            raise Refused("There is nothing to import: no file and no certificate.", code="no-certificate")
        self._certificates: dict[int, tuple[Part, X509Certificate]] = {}
        self._unread: dict[int, tuple[Part, Refused]] = {}

    @property
    def total(self) -> int:
        """How many there are to read."""
        return len(self._parts)

    @property
    def readable(self) -> int:
        """How many were read, and are to be stored."""
        return len(self._certificates)

    def read(self) -> Iterator[int]:
        """Reads one certificate after the other and yields how many were; what cannot be read is left out."""
        first: dict[str, str] = {}
        for index, part in enumerate(self._parts):
            try:
                certificate = _read(part)
                if certificate.sha256 in first:
                    raise Refused(f"The same certificate as {first[certificate.sha256]}.", code="double")
                first[certificate.sha256] = part.place
                self._certificates[index] = part, certificate
            except Refused as error:
                self._unread[index] = part, error
            yield index + 1

    @retried
    def store(self, *, deploy: bool = False, confirm_restored: Confirmed = False) -> Imported:
        """Stores what was read, all of it or nothing, and deploys its environments when asked to.

        Raises `Conflict` when others take the same names again and again meanwhile, `NotAllowed` and `Restored` for the
        deployment.
        """
        with audit.transaction(), _no_collection():
            imported, plans = self._store(deploy, confirm_restored)
        if not deploy:  # after the commit: it takes a while
            new = [(plan.alias, plan.certificate.sha256) for plan in plans]
            imported.findings = preflight.weak(new, (plan.certificate for plan in plans))
        return imported

    def _apart(self, given: Given, password: str | None) -> list[Part]:
        try:
            if isinstance(given.data, InputRefused):
                raise given.data
            opened = open_file(given.data, password, MAX_CERTIFICATES)
            if not opened.parts:
                raise InputRefused("This holds no certificate.", code="no-certificate")
        except InputRefused as refusal:
            if refusal.code == "too-many-certificates":
                raise
            return [Part(given.place, refusal, given.name, given.alias)]
        self._notices += [(given.place, notice) for notice in opened.notices]
        if len(opened.parts) == 1:
            return [Part(given.place, opened.parts[0], given.name, given.alias, given.stem)]
        if given.name is not None or given.alias is not None:
            sentence = f"These are {len(opened.parts)} certificates under one name or alias."
            return [Part(given.place, InputRefused(sentence, code="name-for-several"))]
        return [Part(f"{given.place}, certificate {number}", part) for number, part in enumerate(opened.parts, 1)]

    def _store(self, deploy: bool, confirm_restored: Confirmed) -> tuple[Imported, list[Plan]]:
        # Not locked here: environments are locked last but for the audit, as in every other change. Where one is
        # deleted or a name taken meanwhile, a constraint is violated and `store` runs again.
        places = [found.by_id(models.Environment.objects.all(), place.pk, "environment") for place in self._places]
        left_out: list[LeftOut] = []
        plans: list[Plan] = []
        for index, plan in planned(places, self._certificates, self._unread).items():
            part = self._parts[index]
            if not isinstance(plan, Plan):
                left_out.append(LeftOut(part.place, plan.detail, plan.code))
                continue
            plans.append(plan)
            if plan.already:
                left_out.append(LeftOut(part.place, plan.already, "already-there"))
        imported = Imported([plan.name for plan in plans], left_out, self._notices)
        if plans:
            digest = _digest(plans)
            # In batches, so that the rows of one are gone before the next are made.
            events = [one for some in batches(plans) for one in _write(some, digest)]
            audit.record_all(self._actor, [*events, _summary(plans, digest, places, left_out)])
        if deploy and self._certificates:
            made = releases.make(self._actor, places, confirm_restored=confirm_restored)
            imported.releases = [one.release for one in made]
        return imported, plans


@contextmanager
def _no_collection() -> Iterator[None]:
    """Turns the garbage collector off: an import leaves no garbage, and collecting took a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _places(names: Sequence[str]) -> list[models.Environment]:
    """The environments, each once and in the order in which they are locked."""
    if not names:
        sentence = "An import needs at least one environment."
        raise Refused(sentence, code="no-environment", fields=[FieldError("environments", sentence)])
    rows = {row.pk: row for row in found.environments(names)}
    return [rows[pk] for pk in sorted(rows)]


def _read(part: Part) -> X509Certificate:
    if isinstance(part.content, InputRefused):
        raise part.content
    return read_certificate(part.content)


def _digest(plans: Sequence[Plan]) -> str:
    """What the events of one import have in common: SHA-256 over the sorted hashes of its certificates, a line each."""
    return hashlib.sha256("\n".join(sorted(plan.certificate.sha256 for plan in plans)).encode()).hexdigest()


def _write(plans: Sequence[Plan], digest: str) -> Iterator[audit.Event]:
    """Writes the rows that `certificates.create` would write, and yields the event of each certificate."""
    models.StoredCertificate.keep_all(plan.certificate for plan in plans)
    rows = [models.Certificate(name=plan.name, name_key=fold(plan.name)) for plan in plans]
    models.Certificate.create_all(rows)
    written = [_entries(row, plan) for row, plan in zip(rows, plans, strict=True)]
    models.Entry.objects.bulk_create([entry for made in written for entry in made], batch_size=BATCH)
    for plan, made in zip(plans, written, strict=True):
        shown = {entry.environment.name: entries.fingerprint(entry) for entry in made}
        after = {"description": "", "entries": shown, "import": digest}
        yield audit.Event("certificate.create", "certificate", plan.name, after=after)


def _entries(certificate: models.Certificate, plan: Plan) -> list[models.Entry]:
    made = [models.Entry(certificate=certificate, environment=place) for place in plan.places]
    for entry in made:
        entries.set_alias(entry, plan.alias)
        entries.fill(entry, Chosen(plan.certificate, "file", "", (plan.certificate.sha256,)))
    return made


def _summary(
    plans: Sequence[Plan], digest: str, places: Sequence[models.Environment], left_out: Sequence[LeftOut]
) -> audit.Event:
    after = {"stored": len(plans), "left_out": len(left_out), "environments": found.names(places), "digest": digest}
    return audit.Event("certificate.import", "import", digest, after=after)
