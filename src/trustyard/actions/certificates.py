"""Certificates: create, update, delete, revoke, restore. Console, REST, command line and schedule all call these.

A save: (1) permit, (2) read and judge every source, (3) lock the certificate and compare versions, (4) find the JWKs
concerned; without a whole answer refuse with the list, (5) write certificate, entries and JWKs, (6) the audit event,
(7) the releases of every environment touched. Steps 3 to 7 are one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trustyard import models
from trustyard.errors import FieldError, NotFound, Refused
from trustyard.models.compiled import Compiled
from trustyard.pki.certificates import Certificate as X509Certificate

from . import audit, entries, found, jwk_connection, releases, standing
from .actors import Actor
from .certificates_read import around_later, certificate_json, certificates_json, get, get_by_id
from .entries import EntryGiven
from .entries import keep as keep_chosen
from .entries import notices as notices_of
from .gathering import Gathering
from .jwk_connection import JwkAnswer
from .permissions import require
from .restored import Confirmed
from .retries import is_retry, retried
from .revoked_twins import revoked_there, still_trusted
from .saved import Definition, Saved

__all__ = [
    "Definition", "EntryGiven", "JwkAnswer", "Saved", "certificate_json", "certificates_json", "create", "delete",
    "get", "get_by_id", "restore", "revoke", "update",
]  # fmt: skip

_NAMED = Compiled(lambda key: models.Certificate.objects.order_by().filter(name_key=key).values_list("name"))


@retried
def create(
    actor: Actor,
    definitions: Sequence[Definition],
    *,
    deploy: bool = False,
    confirm_restored: Confirmed = False,
) -> Saved:
    """Stores new certificates in one transaction, all or none, and deploys every environment touched when asked to.

    Raises `Refused` (a name, an entry, a source), `Conflict` (a name or alias that is taken), `NotAllowed`.
    """
    require(actor, "certificates.write")
    planned = [_planned(actor, definition, index) for index, definition in enumerate(definitions)]
    with audit.transaction():
        saved, touched = Saved(notices=notices_of(one for _, plans in planned for one in plans)), []
        keep_chosen(one for _, plans in planned for one in plans)
        for definition, plans in planned:
            certificate, environments = _create(actor, definition, plans)
            saved.certificates.append(certificate)
            touched += environments
        saved.releases = _deployed(actor, touched, deploy, confirm_restored)
        saved.around = around_later(saved.certificates)
        revoked = revoked_there(zip(saved.certificates, (plans for _, plans in planned), strict=True))
    saved.notices += revoked()
    return saved


def _planned(actor: Actor, definition: Definition, index: int) -> tuple[Definition, list[entries.Planned]]:
    prefix, wrong = "entries" if index == 0 else f"others.{index - 1}.entries", Gathering()
    with wrong.part():  # nobody should wait for a slow server to learn that the name is taken
        _name(definition, ask=entries.connects(definition.entries))
    with wrong.part():
        found.description(definition.description)
    with wrong.part():
        if not definition.entries:
            sentence = "A certificate needs at least one entry: an environment, an alias and a source."
            raise Refused(sentence, code="no-entry", fields=[FieldError("entries", sentence)])
    places = entries.places_of(definition.entries, prefix, wrong)
    require(actor, "certificates.write", found.names(places.values()))
    return definition, entries.plan(actor, definition.entries, places, prefix, wrong, new=True)


def _name(definition: Definition, *, ask: bool) -> tuple[str, str]:
    """The cleaned name and its key; where nobody is to `ask`, a constraint says whether it is taken."""
    name, key = found.clean(definition.name)
    if ask and (held := _NAMED.rows(key)):
        raise found.taken("certificate", held[0][0], name)
    return name, key


def _create(
    actor: Actor, definition: Definition, plans: Sequence[entries.Planned]
) -> tuple[models.Certificate, list[models.Environment]]:
    wrong = Gathering()
    with wrong.part():
        name, key = _name(definition, ask=is_retry())
    entries.judge(plans, {}, wrong)
    certificate = models.Certificate(name=name, name_key=key, description=definition.description)
    models.Certificate.create_all([certificate], later=True)
    applied = entries.write(certificate, plans, {})
    after = {"description": certificate.description, "entries": applied.after}
    audit.record(actor, "certificate.create", "certificate", certificate.name, after=after)
    return certificate, applied.touched


@retried
def update(
    actor: Actor,
    name: str,
    *,
    if_match: str | None,
    new_name: str | None = None,
    description: str | None = None,
    entries: Sequence[EntryGiven] | None = None,
    replace: bool = False,
    answer: JwkAnswer | None = None,
    deploy: bool = False,
    also: Sequence[Definition] = (),
    confirm_restored: Confirmed = False,
) -> Saved:
    """Changes what is given; with `replace` the entries given are all there shall be (one left out is removed).

    `also` makes further certificates in the same transaction. A deploy that changes no environment is for all of them
    (`standing`). Raises `VersionMissing`, `StaleVersion` before all else, `JwkConnection` when JWKs are concerned and
    `answer` does not say what to do with them.
    """
    stored = get(actor, name)
    require(actor, "certificates.write")
    found.check_version(stored, if_match)
    wrong = Gathering()
    with wrong.part():
        if new_name is not None and new_name != stored.name:  # one of before stays, whatever names may hold now
            found.clean(new_name)
    with wrong.part():
        found.description(description or "")
    plans = _plans(actor, entries, replace, wrong)
    others = [_planned(actor, definition, index + 1) for index, definition in enumerate(also)]
    with audit.transaction():
        certificate = found.locked(stored, "certificate")
        found.check_version(certificate, if_match)
        removed = _left_out(certificate, plans) if replace and entries is not None else []
        _permit_update(actor, certificate, plans, removed, new_name, description)
        concerned = jwk_connection.of_entries(_changes(certificate, plans, removed))
        actions = jwk_connection.judge(certificate.name, concerned, answer)
        # An entry cannot go while a JWK hangs on it, so those that leave it come before the entries are written.
        leaving = [one for one in concerned if actions[one.jwk.pk] != "update"]
        staying = [one for one in concerned if actions[one.jwk.pk] == "update"]
        algorithms = answer.algorithms if answer else {}
        every = [*plans, *(one for _, planned in others for one in planned)]
        saved = Saved([certificate], notices=notices_of(every))
        saved.jwks = jwk_connection.carry_out(actor, leaving, actions, algorithms)
        keep_chosen(every)
        touched = _write(actor, certificate, plans, removed, new_name, description)
        saved.jwks += jwk_connection.carry_out(actor, staying, actions, algorithms)
        for definition, planned in others:
            other, environments = _create(actor, definition, planned)
            saved.certificates.append(other)
            touched += environments
        if deploy and not touched:
            touched = standing.to_deploy(actor, certificate)  # what was saved before and waits
        saved.releases = _deployed(actor, touched, deploy, confirm_restored)
        each = [plans, *(planned for _, planned in others)]
        revoked = revoked_there(zip(saved.certificates, each, strict=True))
    saved.notices += revoked()
    return saved


def _plans(actor: Actor, given: Sequence[EntryGiven] | None, replace: bool, wrong: Gathering) -> list[entries.Planned]:
    with wrong.part():
        if replace and given is not None and not given:
            sentence = "A certificate needs at least one entry; delete the certificate to be rid of all."
            raise Refused(sentence, code="no-entry", fields=[FieldError("entries", sentence)])
    places = entries.places_of(given or (), "entries", wrong)
    # An entry that only stays needs no permission (D-24).
    read = {name for one in given or () if one.source is not None for name in one.environments}
    require(actor, "certificates.write", [place.name for name, place in places.items() if name in read])
    return entries.plan(actor, given or (), places, "entries", wrong)


def _left_out(certificate: models.Certificate, plans: Sequence[entries.Planned]) -> list[models.Entry]:
    rows = certificate.entries.select_related("environment", "x509", "certificate")
    return list(rows.exclude(environment__in=[planned.environment.pk for planned in plans]))


def _permit_update(
    actor: Actor,
    certificate: models.Certificate,
    plans: Sequence[entries.Planned],
    removed: Sequence[models.Entry],
    new_name: str | None,
    description: str | None,
) -> None:
    stored = {entry.environment_id: entry for entry in certificate.entries.all()}
    touched = [planned.environment.name for planned in plans if planned.changes(stored.get(planned.environment.pk))]
    touched += [entry.environment.name for entry in removed]
    renamed = new_name is not None and new_name != certificate.name
    if renamed or (description is not None and description != certificate.description):
        touched += certificate.entries.values_list("environment__name", flat=True)  # D-24: they belong to all of them
    require(actor, "certificates.write", touched)


def _changes(
    certificate: models.Certificate, plans: Sequence[entries.Planned], removed: Sequence[models.Entry]
) -> list[tuple[models.Entry, X509Certificate | None]]:
    stored = {entry.environment_id: entry for entry in certificate.entries.select_related("environment")}
    changed: list[tuple[models.Entry, X509Certificate | None]] = [(entry, None) for entry in removed]
    for planned in plans:
        entry = stored.get(planned.environment.pk)
        if entry is not None and planned.chosen is not None and planned.changes_certificate(entry):
            changed.append((entry, planned.chosen.certificate))
    return changed


def _write(
    actor: Actor,
    certificate: models.Certificate,
    plans: Sequence[entries.Planned],
    removed: Sequence[models.Entry],
    new_name: str | None,
    description: str | None,
) -> list[models.Environment]:
    before: dict[str, Any] = {"name": certificate.name, "description": certificate.description}
    stored, wrong = entries.stored_of(certificate), Gathering()
    with wrong.part():
        if new_name is not None and new_name != certificate.name:
            certificate.name, certificate.name_key = found.free_name(
                models.Certificate.objects.all(), new_name, "certificate", but=certificate.pk
            )
    entries.judge(plans, stored, wrong)
    if description is not None:
        certificate.description = description
    applied = entries.write(certificate, plans, stored, removed)
    after: dict[str, Any] = {"name": certificate.name, "description": certificate.description}
    renamed = before["name"] != after["name"]
    if before == after and not applied.touched:
        return []
    certificate.version += 1
    certificate.save()
    audit.record(
        actor,
        "certificate.update",
        "certificate",
        certificate.name,
        before={**before, "entries": applied.before},
        after={**after, "entries": applied.after},
    )
    if not renamed:
        return applied.touched
    # The name stands in every release that holds the certificate.
    return applied.touched + [entry.environment for entry in certificate.entries.select_related("environment")]


@retried
def delete(
    actor: Actor,
    name: str,
    *,
    if_match: str | None,
    answer: JwkAnswer | None = None,
    deploy: bool = True,
    confirm_restored: Confirmed = False,
) -> Saved:
    """Removes a certificate from the store and, by new releases, from every environment that it is in.

    So it goes from those that it left without a deploy, where the actor may deploy (`standing`).
    JWKs made from it are deleted or disconnected as `answer` says; without an answer `JwkConnection` is raised.
    """
    stored = get(actor, name)
    require(actor, "certificates.delete")
    found.check_version(stored, if_match)
    with audit.transaction():
        # Drafts come before certificates in the order of locks, and forget a certificate that goes.
        models.Draft.objects.filter(certificate=stored).update(certificate=None)
        certificate = found.locked(stored, "certificate")
        found.check_version(certificate, if_match)
        rows = list(certificate.entries.select_related("environment", "x509", "certificate"))
        require(actor, "certificates.delete", [entry.environment.name for entry in rows])
        concerned = jwk_connection.of_entries([(entry, None) for entry in rows])
        actions = jwk_connection.judge(certificate.name, concerned, answer)
        touched = [entry.environment for entry in rows]  # a connected JWK is published where its entry is
        if deploy:
            touched += standing.left(actor, certificate, standing.story_of(certificate))
        saved = Saved([certificate])
        saved.jwks = jwk_connection.carry_out(actor, concerned, actions, {})
        held = {entry.environment.name: entries.fingerprint(entry) for entry in rows}
        before = {"id": certificate.pk, "entries": held}
        certificate.entries.all().delete()
        models.Certificate.objects.filter(pk=certificate.pk).delete()
        audit.record(actor, "certificate.delete", "certificate", certificate.name, before=before)
        saved.releases = _deployed(actor, touched, deploy, confirm_restored)
    return saved


def revoke(
    actor: Actor,
    name: str,
    environment: str,
    *,
    reason: str,
    shown: str = "",
    deploy: bool = True,
    confirm_restored: Confirmed = False,
) -> Saved:
    """Takes an entry out of trust, and its JWKs out of the published set (D-13). Twice is once.

    Raises `Moved` where the SHA-256 that its author saw is given as `shown`, and the entry has another certificate.
    """
    return _revocation(actor, name, environment, (True, reason.strip(), shown), deploy, confirm_restored)


def restore(
    actor: Actor,
    name: str,
    environment: str,
    *,
    reason: str = "",
    shown: str = "",
    deploy: bool = True,
    confirm_restored: Confirmed = False,
) -> Saved:
    """Undoes `revoke`: the entry is trusted again, and the JWKs that it disabled are published again. Twice is once.

    A JWK that would not be taken today stays disabled, and is named in the notices. Raises `Moved` as `revoke`.
    """
    return _revocation(actor, name, environment, (False, reason.strip(), shown), deploy, confirm_restored)


@retried
def _revocation(
    actor: Actor, name: str, environment: str, said: tuple[bool, str, str], deploy: bool, confirm_restored: Confirmed
) -> Saved:
    revoked, reason, shown = said  # shown: as in `revoke`
    require(actor, "entries.revoke")
    if revoked and not reason:
        sentence = "A revocation needs a reason."
        raise Refused(sentence, code="no-reason", fields=[FieldError("reason", sentence)])
    reason = found.description(reason, "reason")
    stored = get(actor, name)
    place = found.by_name(models.Environment.objects.all(), environment, "environment")
    require(actor, "entries.revoke", [place.name])
    with audit.transaction():
        certificate = found.locked(stored, "certificate")
        entry = certificate.entries.select_related("environment", "x509").filter(environment=place).first()
        if entry is None:
            raise NotFound(f"The certificate {certificate.name} has no entry in {place.name}.")
        entries.check_shown(entry, shown)
        saved = Saved([certificate])
        if entry.revoked != revoked:
            followed = _revoke(actor, certificate, entry, reason, revoked=revoked)
            saved.jwks, saved.notices = followed.changes, followed.notices
        if revoked:
            saved.notices += still_trusted(entry)
        saved.releases = _deployed(actor, [place], deploy, confirm_restored, note=reason)
    return saved


def _revoke(
    actor: Actor, certificate: models.Certificate, entry: models.Entry, reason: str, *, revoked: bool
) -> jwk_connection.Followed:
    place, before = entry.environment.name, entries.fingerprint(entry)
    if revoked:
        entries.revoke(entry, actor.name, reason)
    else:
        entries.restore(entry)
    certificate.version += 1
    certificate.save()
    followed = jwk_connection.follow(entry, revoked=revoked)
    verb = "revoke" if revoked else "restore"
    was, now = ({"entries": {place: held}} for held in (before, entries.fingerprint(entry)))
    after = {**now, "reason": reason, "jwks": followed.said}
    audit.record(actor, f"certificate.{verb}", "certificate", certificate.name, before=was, after=after)
    return followed


def _deployed(
    actor: Actor, touched: Sequence[models.Environment], deploy: bool, confirm_restored: Confirmed, *, note: str = ""
) -> list[models.Release]:
    if not deploy:
        return []
    return [one.release for one in releases.make(actor, touched, note=note, confirm_restored=confirm_restored)]
