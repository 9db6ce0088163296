"""Promote: what one environment trusts of ours becomes what another one trusts, aliases kept, in one transaction.

(1) lock the certificates, (2) plan: what the target lacks is added under its alias; an entry of the same definition
gets the source's certificate and keeps the alias that its gateways know, (3) somebody saw another plan: refuse,
(4) decide about the JWKs of each certificate as a save of it would (D-02), (5) every alias that is taken and every
certificate with undecided JWKs is named at once, and nothing is written, (6) write, with the audit events of those
saves, (7) a release when asked to. What a release of the source would leave out (D-19) is not taken, and named; named
is, too, what is taken and a release of the target would leave out.
A preview does 2 to 5 as of one moment, and locks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from trustyard import models
from trustyard.errors import FieldError, JwkConnection, Moved, Refused
from trustyard.models.moment import one_moment
from trustyard.pki.content import Content, PublishedJwk

from . import audit, found, key_ids, preflight, releases
from .actors import Actor
from .permissions import require
from .promotion_deciding import Answers, Change, check_aliases, decided, updated
from .promotion_plan import Promotion, plan
from .promotion_writing import write
from .restored import Confirmed, between, digest_of
from .retries import retried

__all__ = ["Answers", "Promotion", "planned", "preview", "promote"]


def preview(
    actor: Actor, target: str, *, source: str, names: Sequence[str] | None = None, answers: Answers | None = None
) -> Promotion:
    """What promoting would do now, with the JWKs to decide about. Nothing is written, and no writer waits for it.

    Raises `Conflict`, `Refused`.
    """
    with one_moment():
        place, start = _ends(actor, target, source)
        done = plan(start, place, names)
        changes = decided(actor, done, answers or {}, lock=False)
        key_ids.check(updated(changes))
        _show(done, changes)
    return done


def planned(actor: Actor, target: str, *, source: str, names: Sequence[str] | None = None) -> Promotion:
    """What promoting would take now; what that changes takes longer to say. Raises `Conflict`, `Refused`."""
    with one_moment():
        place, start = _ends(actor, target, source)
        done = plan(start, place, names)
        check_aliases(done)
    return done


@retried
def promote(
    actor: Actor,
    target: str,
    *,
    source: str,
    names: Sequence[str] | None = None,
    answers: Answers | None = None,
    version: str | None = None,
    deploy: bool = False,
    note: str = "",
    confirm_restored: Confirmed = False,
) -> Promotion:
    """Takes the certificates of these names, or all, from `source` into `target`. `version` is that of a preview.

    Raises `Moved` for another version, `Conflict` naming every alias that is taken, `JwkConnection` with a list for
    each certificate whose JWKs are undecided (`answers` are by the certificate's name), `Restored`, `Refused`.
    """
    note = found.description(note, "note")
    with audit.transaction():
        place, start = _ends(actor, target, source)
        done = plan(start, place, names, _lock(start))
        if version is not None and version != done.version:
            raise Moved("The environments are not what they were when this was shown.", advice="Look at it again.")
        changes = decided(actor, done, answers or {}, lock=True)
        if done.questions:
            raise _asked(done.questions)
        _show(done, changes)
        if changes:
            write(actor, done, changes)
            after = {"from": start.name, "certificates": [step.name for step in done.steps]}
            audit.record(actor, "environment.promote", "environment", place.name, after=after)
        if deploy:
            made = releases.make(actor, [place], note=note, confirm_restored=confirm_restored)
            done.releases = [one.release for one in made]
    if not deploy:  # after the commit: it takes a while
        done.findings = preflight.weak([(step.alias, step.entry.x509_id) for step in done.steps])
    return done


def _ends(actor: Actor, target: str, source: str) -> tuple[models.Environment, models.Environment]:
    place = found.by_name(models.Environment.objects.all(), target, "environment")
    start = found.environment(source, "from")
    require(actor, "certificates.write", [place.name])
    if start.pk == place.pk:
        sentence = f"{start.name} cannot be promoted to itself."
        raise Refused(sentence, code="bad-fields", fields=[FieldError("from", sentence)])
    return place, start


def _lock(start: models.Environment) -> set[int]:
    """Locks the certificates of this environment in one order, and before the JWKs, as every save does it."""
    held = models.Entry.objects.filter(environment=start).values("certificate_id")
    rows = models.Certificate.objects.select_for_update(no_key=True).filter(pk__in=held).order_by("pk")
    return set(rows.values_list("pk", flat=True))


def _show(done: Promotion, changes: Sequence[Change]) -> None:
    """Says what changes of the target's next release, and what would change of it anyway."""
    place, now = done.target, timezone.now()
    saved = releases.state(place)
    before = releases.content(place, saved, now)
    done.waiting = between(place, done.newest.read() if done.newest else Content(place.name), before)
    after = releases.content(place, _after(saved, changes), now)
    done.difference = between(place, before, after)
    kept, taken = {entry.alias for entry in after.entries}, {change.entry.alias for change in changes}
    done.left_out = [row for row in after.left_out if row.alias in taken - kept]


def _after(saved: releases.State, changes: Sequence[Change]) -> releases.State:
    rows, keys = {row.alias: row for row in saved.rows}, {key.name: key for key in saved.jwks}
    for change in changes:
        x509, entry = change.step.entry.x509, change.entry
        moments = x509.not_before, x509.not_after
        rows[entry.alias] = releases.Saved(entry.alias, change.step.name, entry.x509_id, *moments, revoked=False)
    for jwk in updated(changes):
        if jwk.state == "active":
            keys[jwk.name] = PublishedJwk(jwk.name, jwk.public)
    return releases.State(list(rows.values()), tuple(keys.values()))


def _asked(questions: Sequence[Mapping[str, Any]]) -> JwkConnection:
    jwks = [jwk for question in questions for jwk in question["jwks"]]
    options = list(dict.fromkeys(option for question in questions for option in question["options"]))
    sentence = str(questions[0]["detail"])
    if len(questions) > 1:
        sentence = f"{len(questions)} certificates are used in {len(jwks)} JWK(s). What would you like to do?"
    return JwkConnection(
        sentence,
        extra={
            "options": options,
            "version": digest_of(question["version"] for question in questions),
            "jwks": jwks,
            "moved": any(question["moved"] for question in questions),
            "certificates": list(questions),
        },
    )
