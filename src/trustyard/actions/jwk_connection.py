"""The JWKs that a change concerns, what each would become, and the answer that the change needs (D-02 to D-05, D-27).

1. find: the JWKs of the entries whose certificate changes, of the entries that are removed, or of all on a deletion;
2. ask: without a whole answer the change is refused with the list and a version of the set;
3. judge: the typed name, the set's version, nothing said of what is not in it, an action for every entry, an algorithm
   that fits;
4. act: update, disconnect or delete each, in the transaction of the change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from django.db.models import F, QuerySet

from trustyard import models
from trustyard.errors import FieldError, JwkConnection, Refused, TrustyardError
from trustyard.pki.certificates import Certificate
from trustyard.pki.jwks import algorithm_fits, algorithms_for, jwk_from_certificate, thumbprint, why_refused
from trustyard.pki.reading import Notice

from . import audit, found, key_ids
from .actors import Actor
from .gathering import Gathering
from .permissions import require

Change = Literal["updated", "disconnected", "deleted", "disabled", "enabled"]
_DONE: dict[str, Change] = {"update": "updated", "disconnect": "disconnected", "delete": "deleted"}
_WRITTEN = 100  # rows of one UPDATE that names a case for each
_UPDATED = ("public", "kid", "alg", "state", "disabled_with_entry", "version")


@dataclass(frozen=True)
class JwkAnswer:
    """What to do with the JWKs: one action for all, or one for each environment; the typed name; the set's version."""

    action: str | None = None
    actions: Mapping[str, str] = field(default_factory=dict)
    confirm: str = ""
    version: str | None = None
    algorithms: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JwkChange:
    """What was done with one JWK."""

    name: str
    environment: str
    change: Change
    kid: str


@dataclass(frozen=True)
class Concerned:
    """One JWK that a change concerns; `successor` is the new certificate of its entry, None when that goes.

    `rival` says which other JWK has the key ID that this one would get (D-23).
    """

    jwk: models.Jwk
    environment: str
    successor: Certificate | None
    rival: str | None = None

    @property
    def actions(self) -> tuple[str, ...]:
        """What this kind of change knows: an update brings a new certificate, a deletion none."""
        return ("update", "disconnect") if self.successor else ("delete", "disconnect")

    @property
    def options(self) -> tuple[str, ...]:
        """What can be done with it: one that fits the new key with no algorithm can only be disconnected (D-04).

        So can one whose new key ID another JWK has.
        """
        fits = self.successor is None or self.becomes({})[0] is not None
        return self.actions if fits else ("disconnect",)

    def json(self, algorithms: Mapping[str, str]) -> dict[str, Any]:
        """A row of the dialog: the JWK and what it would become."""
        becomes, problem = self.becomes(algorithms)
        return {
            "name": self.jwk.name,
            "environment": self.environment,
            "kid": self.jwk.kid,
            "alg": self.jwk.alg or None,
            "becomes": {"kid": becomes["kid"], "alg": becomes.get("alg")} if becomes else None,
            "problem": problem,
            "options": list(self.options),
            "algorithms": self.fitting(),
        }

    def fitting(self) -> list[str]:
        """The algorithms that the successor's key fits, for this JWK's use."""
        if self.successor is None:
            return []
        try:
            return algorithms_for(self.successor, self.jwk.use or "sig")
        except TrustyardError:
            return []

    def becomes(self, algorithms: Mapping[str, str]) -> tuple[dict[str, Any] | None, str | None]:
        """The successor's public JWK, or why there is none. A given key ID stays, else it is the new key's (D-15)."""
        if self.successor is None:
            return None, None
        if self.rival:
            return None, self.rival
        use = self.jwk.use or None
        try:
            alg = algorithms.get(self.jwk.name) or self._algorithm()
            return jwk_from_certificate(
                self.successor, use=use, alg=alg, kid=self.jwk.kid if self.jwk.kid_given else None
            ), None
        except TrustyardError as error:
            return None, error.sentence

    def _algorithm(self) -> str | None:
        if not self.jwk.alg or self.successor is None:
            return None
        use = self.jwk.use or "sig"
        if algorithm_fits(self.successor, self.jwk.alg, use):
            return self.jwk.alg
        fitting = algorithms_for(self.successor, use)
        if not fitting:
            raise Refused(f"The new certificate's key has no algorithm for the use {use}.", code="no-algorithm")
        return fitting[0]


def of_entries(changes: Sequence[tuple[models.Entry, Certificate | None]], *, lock: bool = True) -> list[Concerned]:
    """The JWKs that hang on these entries, in the order of environments and names.

    Call it under the lock of their certificates; not to `lock` the JWKs is for who only looks.
    """
    entries = {entry.pk: (entry, successor) for entry, successor in changes}
    rows = models.Jwk.objects.filter(entry_id__in=list(entries)).order_by("name_key").prefetch_related("environments")
    found = []
    for jwk in rows.select_for_update(no_key=True) if lock else rows:
        jwk.entry, successor = entries[jwk.entry_id or 0]
        found.append((jwk.entry.environment_id, Concerned(jwk, jwk.entry.environment.name, successor)))
    return _beside_others([one for _, one in sorted(found, key=lambda each: each[0])])


def _beside_others(concerned: list[Concerned]) -> list[Concerned]:
    """Each that could not keep the key ID it would get says so before the person confirms anything."""
    updated = []
    for one in concerned:
        if becomes := one.becomes({})[0]:
            jwk = copy(one.jwk)
            jwk.public, jwk.kid = becomes, becomes["kid"]
            updated.append(jwk)
    others = key_ids.others_named_so(updated, beside=[one.jwk for one in concerned]) if updated else []
    rivals = {jwk.pk: key_ids.has_it(twin, jwk) for jwk, twin in key_ids.rivals(updated, others)}
    return [replace(one, rival=rivals.get(one.jwk.pk)) for one in concerned]


def version_of(concerned: Sequence[Concerned]) -> str:
    """A digest of the set: it moves when a JWK comes, goes or changes."""
    value = sorted([c.jwk.pk, c.jwk.version, c.jwk.entry_id or 0, c.successor is None] for c in concerned)
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:32]


def judge(certificate_name: str, concerned: Sequence[Concerned], answer: JwkAnswer | None) -> dict[int, str]:
    """The action for each JWK by its id. Raises `JwkConnection` without an answer or when the set moved.

    Raises `Refused` (`wrong-confirmation`) for another name than the certificate's also where there is nothing to ask:
    whoever confirms another certificate means another one.
    """
    answer = answer or JwkAnswer()
    if answer.confirm:
        _check_name(certificate_name, answer)
    if answer.version is not None and answer.version != version_of(concerned):
        raise _asked(concerned, answer, stale=True)  # before what is said of single JWKs: one may be gone by now
    _check_related(concerned, answer)
    actions = {c.jwk.pk: answer.actions.get(c.environment) or answer.action for c in concerned}
    if not all(actions.values()):
        raise _asked(concerned, answer, stale=False)
    if concerned:
        _check_name(certificate_name, answer)
    wrong = Gathering()
    for one in concerned:
        with wrong.part():
            _check(one, actions[one.jwk.pk], answer)
    wrong.judge()
    return {pk: action for pk, action in actions.items() if action}


def _check_name(certificate_name: str, answer: JwkAnswer) -> None:
    if answer.confirm != certificate_name:
        sentence = f"Type the certificate's name, {certificate_name}, to confirm."
        raise Refused(sentence, code="wrong-confirmation", fields=[FieldError("jwk_connection.confirm", sentence)])


def _check_related(concerned: Sequence[Concerned], answer: JwkAnswer) -> None:
    """Refuses answers about a JWK or an environment that this change does not concern, most likely a typing mistake."""
    jwks, places = {c.jwk.name for c in concerned}, {c.environment for c in concerned}
    fields = [
        FieldError(f"jwk_connection.algorithms.{name}", f"This change concerns no JWK named {name}.")
        for name in answer.algorithms
        if name not in jwks
    ]
    fields += [
        FieldError(f"jwk_connection.actions.{name}", f"This change concerns no JWK in {name}.")
        for name in answer.actions
        if name not in places
    ]
    if fields:
        there = ", ".join(f"{c.jwk.name} in {c.environment}" for c in concerned)
        raise Refused(
            " ".join(field.message for field in fields),
            code="not-related",
            advice=f"It concerns {there}." if there else "It concerns none at all.",
            fields=fields,
        )


def _asked(concerned: Sequence[Concerned], answer: JwkAnswer, *, stale: bool) -> JwkConnection:
    count = len(concerned)
    options = list(dict.fromkeys(option for c in concerned for option in c.options))
    return JwkConnection(
        f"This Certificate is used in {count} JWK(s). What would you like to do?",
        extra={
            "options": options,
            "version": version_of(concerned),
            "jwks": [c.json(answer.algorithms) for c in concerned],
            "moved": stale,
        },
    )


def _check(one: Concerned, action: str | None, answer: JwkAnswer) -> None:
    if action not in one.actions:
        sentence = f"For the JWK {one.jwk.name} the action is {' or '.join(one.options)}, not {action}."
        raise Refused(sentence, code="bad-action", fields=[FieldError("jwk_connection.action", sentence)])
    if action != "update":
        return
    becomes, problem = one.becomes(answer.algorithms)
    if becomes is None:
        sentence = f"The JWK {one.jwk.name} cannot be updated: {problem}"
        at, advice = f"algorithms.{one.jwk.name}", "Choose an algorithm that fits the new key, or disconnect."
        if "update" not in one.options:
            at, advice = "action", "Disconnect it."
        fields = [FieldError(f"jwk_connection.{at}", sentence)]
        raise Refused(sentence, code="jwk-does-not-fit", advice=advice, fields=fields)


@dataclass(frozen=True)
class Acted:
    """What became of one JWK: the object as it is to be written, and the event that says so."""

    jwk: models.Jwk
    change: JwkChange
    event: audit.Event


def carry_out(
    actor: Actor, concerned: Sequence[Concerned], actions: Mapping[int, str], algorithms: Mapping[str, str]
) -> list[JwkChange]:
    """Does what was answered, each with its audit event. Raises `Conflict` where two keys would share a key ID."""
    done = act(actor, concerned, actions, algorithms)
    keep(done)
    audit.record_all(actor, [one.event for one in done])
    return [one.change for one in done]


def act(
    actor: Actor, concerned: Sequence[Concerned], actions: Mapping[int, str], algorithms: Mapping[str, str]
) -> list[Acted]:
    """Does what was answered to the objects alone; nothing is written before `keep`. Raises `NotAllowed`."""
    return [_one(actor, one, actions[one.jwk.pk], algorithms) for one in concerned]


def _one(actor: Actor, one: Concerned, action: str, algorithms: Mapping[str, str]) -> Acted:
    jwk = one.jwk
    require(actor, "jwks.write", found.names(jwk.environments.all()))
    before, after = fingerprint(jwk), None
    if action == "update":
        becomes, _ = one.becomes(algorithms)
        assert becomes is not None  # judged before
        jwk.public, jwk.kid, jwk.alg = becomes, becomes["kid"], becomes.get("alg") or ""
        enable_with_entry(jwk)  # the new certificate clears the revocation
    elif action == "disconnect":
        jwk.entry = None
    if action == "delete":
        before["id"] = jwk.pk
    else:
        jwk.version += 1
        after = fingerprint(jwk)
    change = JwkChange(jwk.name, one.environment, _DONE[action], jwk.kid)
    return Acted(jwk, change, audit.Event(f"jwk.{action}", "jwk", jwk.name, before, after))


def disable_with_entry(jwk: models.Jwk) -> bool:
    """Disables it with its entry; returns whether that changes anything: a person may have disabled it already."""
    if jwk.state == "disabled":
        return False
    jwk.state, jwk.disabled_with_entry = "disabled", True
    return True


def enable_with_entry(jwk: models.Jwk) -> bool:
    """Enables it again with its entry; returns whether that changes anything: what a person disabled stays so."""
    if jwk.state == "active" or not jwk.disabled_with_entry:
        return False
    jwk.state, jwk.disabled_with_entry = "active", False
    return True


@dataclass
class Followed:
    """What became of the JWKs of an entry: what was done, what the audit says of each by its name, what to tell."""

    changes: list[JwkChange] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)


def follow(entry: models.Entry, *, revoked: bool) -> Followed:
    """Disables or enables the JWKs of an entry with it; one that would not be taken today stays disabled."""
    done = Followed()
    change: Change
    act, change = (disable_with_entry, "disabled") if revoked else (enable_with_entry, "enabled")
    for jwk in models.Jwk.objects.select_for_update(no_key=True).filter(entry=entry).order_by("name_key"):
        comes_back = not revoked and jwk.disabled_with_entry
        if comes_back and (refused := why_refused(jwk.public)):
            done.said[jwk.name] = f"stays disabled: {refused.sentence}"
            done.notices.append(_stays_disabled(jwk, refused))
            continue
        if not act(jwk):
            done.said[jwk.name] = f"stays {jwk.state}"  # somebody disabled it before
            continue
        jwk.version += 1
        jwk.save()
        done.said[jwk.name] = change
        done.changes.append(JwkChange(jwk.name, entry.environment.name, change, jwk.kid))
    return done


def _stays_disabled(jwk: models.Jwk, refused: TrustyardError) -> Notice:
    sentence = f"The JWK {jwk.name} stays disabled, for it would not be taken today: {refused.sentence}"
    return Notice("jwk-stays-disabled", sentence)


def keep(done: Sequence[Acted]) -> None:
    """Stores all of it at once. Raises `Conflict` where two keys would share a key ID."""
    rows: dict[Change, list[models.Jwk]] = {}
    for one in done:
        rows.setdefault(one.change.change, []).append(one.jwk)
    updated = rows.get("updated", [])
    found.alone_with(jwk.kid for jwk in updated)
    key_ids.check(updated)
    models.Jwk.objects.bulk_update(updated, _UPDATED, batch_size=_WRITTEN)
    # What is not the relation stays as it is, to the byte.
    _rows(rows.get("disconnected", [])).update(entry=None, version=F("version") + 1)
    _rows(rows.get("deleted", [])).delete()


def _rows(jwks: Sequence[models.Jwk]) -> QuerySet[models.Jwk]:
    return models.Jwk.objects.filter(pk__in=[jwk.pk for jwk in jwks])


def fingerprint(jwk: models.Jwk) -> dict[str, Any]:
    """What audit events say of a JWK: which key it is (RFC 7638), and where it is published."""
    entry = jwk.entry
    connected = {"certificate": entry.certificate.name, "environment": entry.environment.name} if entry else None
    said: dict[str, Any] = {
        "kid": jwk.kid,
        "alg": jwk.alg,
        "use": jwk.use,
        "state": jwk.state,
        "connected_to": connected,
        "key": thumbprint(jwk.public),
        "environments": sorted(place.name for place in jwk.environments.all()),
    }
    if jwk.state == "disabled":
        said["disabled_by"] = "revocation" if jwk.disabled_with_entry else "person"
    return said
