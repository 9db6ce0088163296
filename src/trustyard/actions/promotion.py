"""Promote: what one environment trusts of ours becomes what another one trusts, aliases kept, in one transaction.

(1) lock the certificates, (2) plan: what the target lacks is added under its alias; an entry of the same definition
gets the source's certificate and keeps the alias that its gateways know, (3) somebody saw another plan: refuse,
(4) each certificate is updated as by hand, so that permissions, JWKs (D-02) and audit are the same, (5) every alias
that is taken and every certificate with undecided JWKs is named at once, and nothing is written, (6) audit, (7) a
release when asked to. What a release of the source would leave out (D-19) is not taken, and named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from trustyard import models
from trustyard.errors import Conflict, FieldError, JwkConnection, Moved, Refused
from trustyard.pki.content import Content
from trustyard.pki.names import fold

from . import audit, certificates, found, releases
from .actors import Actor
from .again import looks_again
from .certificates import JwkAnswer
from .jwk_connection import JwkChange
from .permissions import require
from .promotion_plan import Promotion, Step, plan
from .restored import Confirmed, between, digest_of

__all__ = ["Answers", "Promotion", "preview", "promote"]
Answers = Mapping[str, JwkAnswer]  # by the certificate's name


def preview(
    actor: Actor, target: str, *, source: str, names: Sequence[str] | None = None, answers: Answers | None = None
) -> Promotion:
    """What promoting would do now, with the JWKs to decide about. Nothing is written. Raises `Conflict`, `Refused`."""
    with audit.transaction():
        try:
            return _carry_out(actor, target, source, names, answers or {}, rehearsing=True)
        finally:
            transaction.set_rollback(True)


@looks_again
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
    note = found.description(note)
    with audit.transaction():
        done = _carry_out(actor, target, source, names, answers or {}, version=version)
        if done.steps:
            after = {"from": done.source.name, "certificates": [step.name for step in done.steps]}
            audit.record(actor, "environment.promote", "environment", done.target.name, after=after)
        if deploy:
            made = releases.make(actor, [done.target], note=note, confirm_restored=confirm_restored)
            done.releases = [one.release for one in made]
    return done


def _carry_out(
    actor: Actor,
    target: str,
    source: str,
    names: Sequence[str] | None,
    answers: Answers,
    *,
    version: str | None = None,
    rehearsing: bool = False,
) -> Promotion:
    place = found.by_name(models.Environment.objects.all(), target, "environment")
    start = found.environment(source, "from")
    require(actor, "certificates.write", [place.name])
    if start.pk == place.pk:
        sentence = f"{start.name} cannot be promoted to itself."
        raise Refused(sentence, code="bad-fields", fields=[FieldError("from", sentence)])
    _lock(start)
    done = plan(start, place, names)
    if version is not None and version != done.version:
        raise Moved("The environments are not what they were when this was shown.", advice="Look at it again.")
    newest = releases.latest(place.pk)
    before = releases.build(place, timezone.now())
    done.waiting = between(place, newest.read() if newest else Content(place.name), before)
    _update_each(actor, done, answers, rehearsing=rehearsing)
    done.difference = between(place, before, releases.build(place, timezone.now()))
    return done


def _lock(start: models.Environment) -> None:
    # In one order, and before the environments' rows, as every save does it.
    held = models.Entry.objects.filter(environment=start).values("certificate_id")
    list(models.Certificate.objects.select_for_update(no_key=True).filter(pk__in=held).order_by("pk"))


def _update_each(actor: Actor, done: Promotion, answers: Answers, *, rehearsing: bool) -> None:
    taken: list[FieldError] = []
    said = {fold(name): answer for name, answer in answers.items()}
    for step in done.steps:
        answer = said.get(fold(step.name))
        try:
            done.jwks += _update(actor, done.target, step, answer)
        except JwkConnection as asked:
            done.questions.append({"certificate": step.name, "detail": asked.sentence, **asked.extra})
            if rehearsing:  # the list is part of what is shown; what is left to show is the certificate's own change
                _update(actor, done.target, step, JwkAnswer(action="disconnect", confirm=step.name))
        except Conflict as clash:
            if clash.code != "alias-taken":
                raise
            taken.append(FieldError(f"certificates.{step.name}", clash.sentence))
    if taken:
        advice = "Nothing was promoted. Rename one of the two, or promote the others alone."
        sentence = " ".join(error.message for error in taken)
        raise Conflict(sentence, code="alias-taken", advice=advice, fields=taken)
    if done.questions and not rehearsing:
        raise _asked(done.questions)


def _update(actor: Actor, target: models.Environment, step: Step, answer: JwkAnswer | None) -> list[JwkChange]:
    try:
        saved = certificates.update(
            actor, step.name, if_match="*", entries=[step.given(target)], answer=answer, deploy=False
        )
    except Refused as error:
        whose = f"jwk_connection.{step.name}."
        error.fields = [FieldError(at.field.replace("jwk_connection.", whose, 1), at.message) for at in error.fields]
        raise
    return saved.jwks


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
