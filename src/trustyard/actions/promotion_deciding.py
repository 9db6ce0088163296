"""What a promotion is to write, entries and JWKs as they shall be, and what is asked or refused before it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from trustyard import models
from trustyard.errors import Conflict, FieldError, JwkConnection, Refused
from trustyard.pki.filenames import safe_filename
from trustyard.pki.names import fold

from . import alias_files, entries, jwk_connection
from .actors import Actor
from .jwk_connection import Acted, Concerned, JwkAnswer
from .promotion_plan import Promotion, Step

Answers = Mapping[str, JwkAnswer]  # by the certificate's name
_NAMED = 5  # aliases that the sentence names, where many are taken


@dataclass(frozen=True)
class Change:
    """One certificate as it shall be written: the target's entry, and the JWKs that hang on it."""

    step: Step
    entry: models.Entry
    jwks: list[Acted]


def decided(actor: Actor, done: Promotion, answers: Answers, *, lock: bool) -> list[Change]:
    """What is to be written; what is asked first stands in `questions`. Raises `Conflict`, `Refused`."""
    concerned = _concerned(done, lock=lock)
    said = {fold(name): answer for name, answer in answers.items()}
    changes = []
    for step in done.steps:
        with _named(step):
            jwks = _acted(actor, done, step, concerned.get(step.name, []), said.get(fold(step.name)))
        changes.append(Change(step, step.becomes(done.target), jwks))
    check_aliases(done)
    return changes


def _concerned(done: Promotion, *, lock: bool) -> dict[str, list[Concerned]]:
    """The JWKs that hang on what is replaced, by the certificate's name."""
    steps = {step.there.pk: step for step in done.steps if step.there is not None}
    rows = models.Jwk.objects.filter(entry_id__in=list(steps)).order_by().values_list("entry_id", flat=True)
    asked = [steps[pk] for pk in set(rows)]
    stored = models.StoredCertificate.objects.in_bulk([step.entry.x509_id for step in asked])
    replaced = []
    for step in asked:
        assert step.there is not None  # the JWK hangs on it
        step.there.certificate, step.there.environment = step.entry.certificate, done.target
        replaced.append((step.there, stored[step.entry.x509_id].read()))
    concerned: dict[str, list[Concerned]] = {}
    for one in jwk_connection.of_entries(replaced, lock=lock):
        concerned.setdefault(steps[one.jwk.entry_id or 0].name, []).append(one)
    return concerned


def _acted(
    actor: Actor, done: Promotion, step: Step, concerned: Sequence[Concerned], answer: JwkAnswer | None
) -> list[Acted]:
    """What becomes of the JWKs of one certificate; what somebody has to say first becomes a question."""
    try:
        actions = jwk_connection.judge(step.name, concerned, answer)
    except JwkConnection as asked:
        done.questions.append({"certificate": step.name, "detail": asked.sentence, **asked.extra})
        return []
    acted = jwk_connection.act(actor, concerned, actions, answer.algorithms if answer else {})
    done.jwks += [one.change for one in acted]
    return acted


@contextmanager
def _named(step: Step) -> Iterator[None]:
    """A refusal of what was answered says of which certificate."""
    try:
        yield
    except Refused as error:
        whose = f"jwk_connection.{step.name}."
        error.fields = [FieldError(at.field.replace("jwk_connection.", whose, 1), at.message) for at in error.fields]
        raise


def check_aliases(done: Promotion) -> None:
    """Raises `Conflict` naming every alias that is taken in the target."""
    # Where somebody takes one at this moment, a constraint ends it, and the retry finds it here.
    added = {fold(step.alias): step for step in done.steps if step.there is None}
    # All of the target are read: for a thousand aliases PostgreSQL would take the trigram index, and tens of seconds.
    rows = models.Entry.objects.filter(environment=done.target).select_related("certificate").order_by()
    held = rows.only("alias", "alias_key", "certificate__name") if added else rows.none()
    holders = {entry.alias_key: entry for entry in held if entry.alias_key in added}
    taken = [
        FieldError(f"certificates.{step.name}", entries.alias_taken(holders[key], done.target.name, step.alias))
        for key, step in added.items()
        if key in holders
    ]
    files = alias_files.holders([done.target], (step.alias for step in added.values()))
    taken += [
        FieldError(f"certificates.{step.name}", alias_files.taken(step.alias, done.target.name, files[name]))
        for key, step in added.items()
        if key not in holders and (name := safe_filename(step.alias)) in files
    ]
    if taken:
        advice = "Nothing was promoted. Rename one of the two, or promote the others alone."
        named = taken if len(taken) <= _NAMED + 1 else taken[:_NAMED]
        sentence = " ".join(error.message for error in named)
        if len(named) < len(taken):
            sentence += f" So are {len(taken) - len(named)} others."
        raise Conflict(sentence, code="alias-taken", advice=advice, fields=taken)


def updated(changes: Sequence[Change]) -> list[models.Jwk]:
    """The JWKs that get a new key, as they shall be."""
    return [one.jwk for change in changes for one in change.jwks if one.change.change == "updated"]
