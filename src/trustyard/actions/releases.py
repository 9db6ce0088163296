"""Releases: what an environment would trust now, made immutable and numbered when somebody deploys.

Deploying an environment: (1) lock its row, (2) build the content from what is saved, leaving out and naming what would
hurt (D-19), (3) ask where that would take back a restored release (D-22), (4) the newest release says just that:
nothing to do, (5) else number it and keep it, (6) record the audit event, (7) tell the deliveries. Steps 1 to 6 are one
transaction with the save that caused them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from trustyard import models
from trustyard.errors import NotFound
from trustyard.models.compiled import Compiled
from trustyard.pki.certificates import Certificate, rfc3339
from trustyard.pki.content import Content, LeftOut, PublishedJwk, TrustedEntry
from trustyard.pki.filenames import is_filename
from trustyard.pki.truststores import root_alias

from . import alias_files, audit, findings, found, news, omissions, receipts, restored, roots
from .actors import Actor
from .in_force import Newest
from .permissions import require
from .restored import Confirmed, Waiting
from .retries import retried


@dataclass(frozen=True)
class Deployed:
    """The newest release, and whether this call made it (else nothing had changed)."""

    release: models.Release
    created: bool


@retried
def deploy(
    actor: Actor,
    environment: str,
    *,
    note: str = "",
    version: str | None = None,
    confirm_restored: Confirmed = False,
) -> Deployed:
    """Puts what is saved in force. Raises `NotFound`, `NotAllowed`, `Restored`.

    `version` is that of a preview: raises `Moved` where the release would hold something else by now.
    """
    row = found.by_name(models.Environment.objects.all(), environment, "environment")
    require(actor, "releases.deploy", [row.name])
    with audit.transaction():
        return make(actor, [row], note=note, version=version, confirm_restored=confirm_restored)[0]


def make(
    actor: Actor,
    environments: Iterable[models.Environment],
    *,
    note: str = "",
    version: str | None = None,
    confirm_restored: Confirmed = False,
) -> list[Deployed]:
    """Makes the releases of these environments inside the caller's transaction, locked in the order of their ids.

    Raises `Restored` where one of them is on a restored release that this would take back, unless that is confirmed;
    `NotFound` where one was deleted meanwhile.
    """
    from . import preflight  # it judges what is built here

    note = found.description(note, "note")
    waiting = []
    for _, given in sorted({environment.pk: environment for environment in environments}.items()):
        environment = found.locked(given, "environment")
        require(actor, "releases.deploy", [environment.name])
        waiting.append(Waiting(environment, latest(environment.pk), build(environment, timezone.now())))
    restored.check(waiting, confirm_restored)
    restored.check_version(waiting, version)
    preflight.check(waiting)
    return [_make(actor, one, note) for one in waiting]


def _make(actor: Actor, wanted: Waiting, note: str) -> Deployed:
    newest = wanted.newest
    if newest is not None and wanted.is_in_force:
        return again(newest)
    roots.keep(roots.of(wanted.environment))
    return Deployed(keep(actor, wanted, note), created=True)


def again(newest: models.Release) -> Deployed:
    """Nothing changed: the newest release it is, and delivery to gateways that lack it is tried again."""
    # They are asked again, so what they said before is no answer to this.
    said = newest.receipts.filter(state__in=("refused", "unreachable"))
    receipts.in_order(said)
    said.update(state="pending")
    news.tell(newest.environment.name)
    return Deployed(newest, created=False)


def keep(actor: Actor, wanted: Waiting, note: str, *, restored_from: int | None = None) -> models.Release:
    """Numbers and stores a release with its audit event, under the lock of the environment's row."""
    environment, newest = wanted.environment, wanted.newest
    environment.last_number += 1
    models.Environment.objects.filter(pk=environment.pk).update(last_number=environment.last_number)
    release = models.Release.objects.create(
        environment=environment,
        number=environment.last_number,
        digest=wanted.digest,
        content=wanted.content.canonical(),
        left_out=wanted.left_out,
        made_by=actor.name,
        note=note,
        restored_from=restored_from,
        created_at=timezone.now(),
    )
    release.before = newest or models.Release(content=Content(environment.name).canonical())
    after = {"number": release.number, "digest": release.digest}
    audit.record(
        actor,
        "release.deploy" if restored_from is None else "release.restore",
        "release",
        f"{environment.name}/{release.number}",
        before={"number": newest.number, "digest": newest.digest} if newest else None,
        after=after if restored_from is None else {**after, "restored_from": restored_from},
    )
    news.tell(environment.name)
    return release


@dataclass(frozen=True, slots=True)
class Saved:
    """What an entry says, without its certificate's DER; `text` is what a search looks through, where one asks."""

    alias: str
    certificate: str
    sha256: str
    not_before: datetime
    not_after: datetime
    revoked: bool
    text: str = ""
    pk: int = 0  # of the entry, where it is stored


def saved(environment: models.Environment) -> list[Saved]:
    """The environment's entries, by alias."""
    return _saved([environment])[environment.pk]


def _saved(environments: Sequence[models.Environment]) -> dict[int, list[Saved]]:
    columns = ("alias", "certificate__name", "x509_id", "x509__not_before", "x509__not_after", "revoked_at", "pk")
    rows = models.Entry.objects.filter(environment__in=environments).order_by("environment_id", "alias_key")
    found: dict[int, list[Saved]] = {place.pk: [] for place in environments}
    for place, alias, name, sha256, not_before, not_after, revoked_at, pk in rows.values_list(
        "environment_id", *columns
    ):
        found[place].append(Saved(alias, name, sha256, not_before, not_after, revoked_at is not None, pk=pk))
    return found


@dataclass(frozen=True)
class State:
    """What is saved in an environment as of one moment: its entries, by alias, and the keys that it publishes."""

    rows: Sequence[Saved]
    jwks: tuple[PublishedJwk, ...]


def state(environment: models.Environment, rows: Sequence[Saved] | None = None) -> State:
    """What is saved there now. `rows` is what `saved` answers, for who has it already."""
    return _states([environment], None if rows is None else {environment.pk: rows})[environment.pk]


def _states(
    environments: Sequence[models.Environment], rows: Mapping[int, Sequence[Saved]] | None = None
) -> dict[int, State]:
    # Others save meanwhile. A certificate and the keys made of it change together, so they are read as of one moment:
    # where the keys are the same before and after, they were so while the entries were read.
    jwks, before = _active(environments), None
    while jwks != before:
        entries = _saved(environments) if rows is None else rows
        before, jwks = jwks, _active(environments)
    return {place.pk: State(entries[place.pk], tuple(jwks[place.pk])) for place in environments}


def build(environment: models.Environment, now: datetime, rows: Sequence[Saved] | None = None) -> Content:
    """What the environment would trust and publish at this moment, and what is left out with its reason (D-19).

    `rows` is as for `state`.
    """
    return content(environment, state(environment, rows), now)


def build_all(environments: Sequence[models.Environment], now: datetime) -> dict[int, Content]:
    """The same of many, by their ids, in a fixed number of queries."""
    return _contents(environments, _states(environments), now)


def content(environment: models.Environment, state: State, now: datetime) -> Content:
    """As `build`, were this saved."""
    return _contents([environment], {environment.pk: state}, now)[environment.pk]


def _contents(
    environments: Sequence[models.Environment], states: Mapping[int, State], now: datetime
) -> dict[int, Content]:
    weak, anchors = _weak(environments, states), roots.of_all(environments)
    return {place.pk: _content(place, states[place.pk], weak, anchors[place.pk], now) for place in environments}


def _content(
    environment: models.Environment,
    state: State,
    weak: Mapping[str, str],
    of_roots: Iterable[Certificate],
    now: datetime,
) -> Content:
    entries, left_out = _entries(environment, state.rows, weak, now)
    anchors = []
    for root in of_roots:
        if why := omissions.passing(root.facts, now):
            left_out.append(LeftOut(root.facts.certificate_name, root_alias(root.sha256), f"This root is {why.word}."))
        else:
            anchors.append(root.sha256)
    return Content(environment.name, tuple(entries), tuple(anchors), state.jwks, tuple(left_out))


def _active(environments: Sequence[models.Environment]) -> dict[int, list[PublishedJwk]]:
    found: dict[int, list[PublishedJwk]] = {place.pk: [] for place in environments}
    rows = models.Jwk.objects.filter(environments__in=environments, state="active")
    for place, name, public in rows.values_list("environments", "name", "public"):
        found[place].append(PublishedJwk(name, public))
    return found


def _entries(
    environment: models.Environment, rows: Sequence[Saved], weak: Mapping[str, str], now: datetime
) -> tuple[list[TrustedEntry], list[LeftOut]]:
    kept: list[TrustedEntry] = []
    left_out: list[LeftOut] = []
    met = _met(rows)
    # As a release keeps them, not as the database sorts: of doubles, the first is the one that is sent.
    for row in sorted(rows, key=lambda row: (row.alias.casefold(), row.sha256)):
        error, older = weak.get(row.sha256, ""), met.get(row.alias, "")
        if why := omissions.why(environment, row, now, error, older, revoked=row.revoked):
            left_out.append(LeftOut(row.certificate, row.alias, why.sentence))
        else:
            kept.append(TrustedEntry(row.alias, row.certificate, row.sha256))
    return kept, [*left_out, *omissions.doubles(kept)]


def _met(rows: Sequence[Saved]) -> dict[str, str]:
    """Aliases that would have the file name of an older one. Saves refuse them, but two may come at one moment."""
    odd = [row for row in rows if not is_filename(row.alias)]
    return dict(alias_files.colliding(row.alias for row in sorted(odd, key=lambda row: row.pk or sys.maxsize)))


def _weak(environments: Sequence[models.Environment], states: Mapping[int, State]) -> dict[str, str]:
    """SHA-256 and what is wrong, of those certificates that the policies of these environments leave out."""
    strict = [place for place in environments if omissions.leaves_weak_out(place)]
    return findings.errors(row.sha256 for place in strict for row in states[place.pk].rows)


def latest(environment_id: int) -> models.Release | None:
    """The newest release of an environment: what is in force (D-21)."""
    return models.Release.objects.filter(environment_id=environment_id).order_by("-number").first()


def latest_of(environments: Iterable[models.Environment]) -> QuerySet[models.Release]:
    """The same of each of these that has one, in one query."""
    return models.Release.objects.filter(environment__in=environments, number=F("environment__last_number"))


def latest_known(environment: models.Environment) -> Newest | None:
    """The same by its key alone, for what is remembered of it."""
    row = models.Release.objects.order_by("-number").filter(environment=environment).values_list("pk", "digest").first()
    return Newest(*row) if row is not None else None


def latest_of_all() -> dict[int, Newest]:
    """Environment id to its newest release, in one query."""
    return latest_of_all_later()()


def latest_of_all_later() -> Callable[[], dict[int, Newest]]:
    """As `latest_of_all`, with the next statement of the transaction under way: call the result after that."""
    rows = _NEWEST.later()
    return lambda: {environment_id: Newest(pk, digest) for environment_id, pk, digest in rows()}


def _newest() -> QuerySet[models.Release, tuple[int, int, str]]:
    # By the number that the environment's row holds: years of releases are not looked through every two seconds.
    rows = models.Release.objects.order_by().filter(number=F("environment__last_number"))
    return rows.values_list("environment_id", "pk", "digest")


_NEWEST = Compiled(_newest)


def find(actor: Actor, environment: str | None = None) -> QuerySet[models.Release]:
    """Releases, newest first, of one environment or of all."""
    require(actor, "releases.read")
    rows = models.Release.objects.select_related("environment").order_by("-pk")  # not by date: clocks are set
    if environment is None:
        return rows
    row = found.by_name(models.Environment.objects.all(), environment, "environment")
    return rows.filter(environment=row)


def find_at(actor: Actor, environment: str | None, moment: datetime) -> QuerySet[models.Release]:
    """As `find`, but of each environment the release that was in force at that moment (D-21); none before its first."""
    rows = find(actor, environment)
    until = rows.filter(environment=OuterRef("pk"), created_at__lte=moment).order_by("-number").values("pk")
    return rows.filter(pk__in=models.Environment.objects.order_by().values_list(Subquery(until[:1])))


def get(actor: Actor, environment: str, number: int) -> models.Release:
    """One release. Raises `NotFound`."""
    release = find(actor, environment).filter(number=number).first()
    if release is None:
        raise NotFound(f"The environment {environment} has no release {number}.")
    return release


def release_json(release: models.Release) -> dict[str, Any]:
    """The *Release* of the REST API, with what each gateway's nodes said of it."""
    return releases_json([release])[0]


def releases_json(rows: Sequence[models.Release]) -> list[dict[str, Any]]:
    """The same of each, with a fixed number of queries."""
    from .delivery import rows_of_all  # delivery builds on releases; only this view of a release needs it back

    said = rows_of_all(rows)
    return [
        {
            "environment": release.environment.name,
            "number": release.number,
            "digest": release.digest,
            "created_at": rfc3339(release.created_at),
            "made_by": release.made_by,
            "note": release.note,
            "restored_from": release.restored_from,
            "left_out": release.left_out,
            "gateways": [row.json() for row in said[release.pk]],
        }
        for release in rows
    ]
