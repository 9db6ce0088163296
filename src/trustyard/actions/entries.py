"""Entries: what somebody gave for each environment, judged against what is stored, then written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from trustyard import models
from trustyard.errors import Conflict, FieldError, Moved, Refused
from trustyard.models.inserting import insert
from trustyard.pki.certificates import rfc3339
from trustyard.pki.containers import Notice
from trustyard.pki.names import clean_name, fold

from . import alias_files, found, sources
from .actors import Actor
from .gathering import Gathering
from .retries import is_retry

ROOT_PREFIX = "root-"  # the aliases of root rows begin so; entries may not


@dataclass(frozen=True)
class EntryGiven:
    """What was given for one or several environments; None keeps what is stored."""

    environments: tuple[str, ...]
    alias: str | None = None
    source: sources.Source | None = None
    choose: str | None = None


@dataclass(frozen=True)
class Planned:
    """One entry as it shall be. `chosen` None keeps the stored certificate."""

    environment: models.Environment
    alias: str | None
    chosen: sources.Chosen | None
    field: str

    def changes(self, stored: models.Entry | None) -> bool:
        """Whether anything of the entry becomes other than it is."""
        if stored is None or (self.alias is not None and self.alias != stored.alias):
            return True
        return self.chosen is not None

    def changes_certificate(self, stored: models.Entry | None) -> bool:
        """Whether the entry's X.509 certificate becomes another one."""
        return stored is not None and self.chosen is not None and self.chosen.certificate.sha256 != stored.x509_id


@dataclass
class Applied:
    """What writing the plans did: environments touched and audit fingerprints."""

    touched: list[models.Environment] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    written: list[models.Entry] = field(default_factory=list)


Places = Mapping[str, models.Environment]  # by the names that were given


def places_of(given: Sequence[EntryGiven], prefix: str, wrong: Gathering) -> Places:
    """The environments that these name; one that does not exist is `wrong` at its field."""
    places: dict[str, models.Environment] = {}
    for index, one in enumerate(given):
        for name in one.environments:
            if name not in places:
                with wrong.part():
                    places[name] = found.environment(name, f"{prefix}.{index}.environment")
    return places


def plan(
    actor: Actor, given: Sequence[EntryGiven], places: Places, prefix: str, wrong: Gathering, *, new: bool = False
) -> list[Planned]:
    """Reads every source. Raises `Refused` and its kin for all that is wrong, also before, each at its field.

    Sources are read here, before any lock is taken: a slow server must not hold the database. Nor does anybody wait for
    one to learn of something else. Entries of a `new` certificate need an alias and a source.
    """
    aliases = _judged(given, places, prefix, wrong, new=new)
    chosen: list[sources.Chosen | None] = []
    for index, one in enumerate(given):
        if connects([one]):
            wrong.judge()
        with wrong.part():
            chosen.append(_chosen(actor, one, f"{prefix}.{index}"))
    wrong.judge()
    return [
        Planned(places[name], alias, taken, f"{prefix}.{index}")
        for index, (one, alias, taken) in enumerate(zip(given, aliases, chosen, strict=True))
        for name in one.environments
    ]


def _judged(
    given: Sequence[EntryGiven], places: Places, prefix: str, wrong: Gathering, *, new: bool
) -> list[str | None]:
    """The aliases as they are kept; what is wrong with the entries but for their sources is gathered."""
    aliases: list[str | None] = []
    seen: set[int] = set()
    for index, one in enumerate(given):
        place = f"{prefix}.{index}"
        with wrong.part():
            _once([places[name] for name in one.environments if name in places], seen, place)
        with wrong.part():
            if not one.environments:
                sentence = "An entry needs at least one environment."
                raise Refused(sentence, code="no-environment", fields=[FieldError(f"{place}.environment", sentence)])
            if new:
                _check_whole(" and ".join(one.environments), one.alias, one.source, place)
        with wrong.part():
            aliases.append(None if one.alias is None else clean_alias(one.alias, f"{place}.alias"))
    return aliases


def _chosen(actor: Actor, one: EntryGiven, place: str) -> sources.Chosen | None:
    if one.source is None:
        if one.choose:
            sentence = "This names a certificate of a source, and no source is given."
            raise Refused(sentence, code="choice-unknown", fields=[FieldError(f"{place}.choose", sentence)])
        return None
    try:
        return sources.choose(actor, one.source, one.choose)
    except Refused as error:
        error.fields = sources.below(place, error)
        raise


def connects(given: Iterable[EntryGiven]) -> bool:
    """Whether reading the sources means asking other servers."""
    return any(isinstance(one.source, sources.Connection) for one in given)


def clean_alias(alias: str, place: str) -> str:
    """The alias by the rules of names (D-09). Raises `Refused` also for the prefix of root rows."""
    try:
        cleaned = clean_name(alias, "alias")
    except Refused as error:
        error.fields = [FieldError(place, error.sentence)]
        raise
    if fold(cleaned).startswith(ROOT_PREFIX):
        sentence = f"Aliases that begin with {ROOT_PREFIX} belong to the root set."
        raise Refused(sentence, code="bad-alias", fields=[FieldError(place, sentence)])
    return cleaned


def _once(environments: Sequence[models.Environment], seen: set[int], place: str) -> None:
    for environment in environments:
        if environment.pk in seen:
            sentence = f"Two entries are for the environment {environment.name}; a certificate has one in each."
            raise Refused(sentence, code="environment-twice", fields=[FieldError(f"{place}.environment", sentence)])
        seen.add(environment.pk)


def keep(plans: Iterable[Planned]) -> None:
    """Stores the X.509 certificates of these plans, each once. Comes before `write`, and once in a transaction."""
    chosen = [planned.chosen for planned in plans if planned.chosen is not None]
    models.StoredCertificate.keep_all(one for each in chosen for one in (each.certificate, *each.others))


def notices(plans: Iterable[Planned]) -> list[Notice]:
    """What the sources of these plans have to say, such as that a private key was dropped (D-07), each once."""
    return list(dict.fromkeys(one for planned in plans if planned.chosen for one in planned.chosen.notices))


Stored = dict[int, models.Entry]  # the entries of a certificate, by the ids of their environments


def stored_of(certificate: models.Certificate) -> Stored:
    """What is stored of it now."""
    return {entry.environment_id: entry for entry in certificate.entries.select_related("environment", "x509")}


def judge(plans: Iterable[Planned], stored: Stored, wrong: Gathering) -> None:
    """Judges plans against what is stored, before anything is written.

    Raises `Refused` for new entries without alias or source, `Conflict` for aliases that are taken, with all that was
    gathered before.
    """
    for planned in plans:
        present = stored.get(planned.environment.pk)
        with wrong.part():
            if present is None:
                _check_whole(planned.environment.name, planned.alias, planned.chosen, planned.field)
        with wrong.part():
            if planned.alias is not None:
                _check_free(planned, planned.alias, present, ask=is_retry() or bool(wrong))  # else a constraint tells
    wrong.judge()


def _check_whole(where: str, alias: object, source: object, place: str) -> None:
    needed = (("alias", "an alias", alias), ("source", "a source", source))
    missing = {name: it for name, it, value in needed if value is None}
    if missing:
        fields = [FieldError(f"{place}.{name}", f"A new entry needs {it}.") for name, it in missing.items()]
        sentence = f"A new entry in {where} needs {' and '.join(missing.values())}."
        raise Refused(sentence, code="entry-incomplete", fields=fields)


def write(
    certificate: models.Certificate, plans: Sequence[Planned], stored: Stored, removed: Sequence[models.Entry] = ()
) -> Applied:
    """Writes the plans and removes entries, inside the caller's transaction and under the certificate's lock.

    What the plans chose is kept already (`keep`), and they were judged. A certificate of which nothing is `stored` yet
    knows its entries afterwards.
    """
    applied, new = Applied(), not stored
    for entry in removed:
        applied.touched.append(entry.environment)
        applied.before[entry.environment.name] = fingerprint(entry)
        entry.delete()
        stored.pop(entry.environment_id, None)
    for planned in sorted(plans, key=lambda planned: planned.environment.pk):  # the order of locks on aliases
        present = stored.get(planned.environment.pk)
        before = fingerprint(present) if present is not None else None
        written = _write(certificate, planned, present)
        applied.written.append(written)
        after = fingerprint(written)
        if before != after:
            applied.touched.append(planned.environment)
            applied.before[planned.environment.name] = before
            applied.after[planned.environment.name] = after
    if new:
        _known(certificate, applied.written)
    return applied


def _known(certificate: models.Certificate, written: list[models.Entry]) -> None:
    """What was just written need not be read for the answer."""
    certificate.known_entries = written
    for entry in written:
        entry.known_jwks = []


def _write(certificate: models.Certificate, planned: Planned, entry: models.Entry | None) -> models.Entry:
    if entry is None:
        entry = models.Entry(certificate=certificate, environment=planned.environment)
    if planned.alias is not None:
        set_alias(entry, planned.alias)
    if planned.chosen is not None:
        if entry._state.adding or entry.x509_id != planned.chosen.certificate.sha256:
            # A new certificate in a revoked entry clears the revocation: it was the old one that was revoked.
            _trust_again(entry)
        fill(entry, planned.chosen)
    if entry._state.adding:
        insert([entry], later=True)
    else:
        entry.save()
    return entry


def set_alias(entry: models.Entry, alias: str) -> None:
    """Sets the alias of an entry, with the key that aliases are compared by, and its file name."""
    entry.alias, entry.alias_key = alias, fold(alias)
    entry.alias_file = alias_files.stored(alias)


def fill(entry: models.Entry, chosen: sources.Chosen) -> None:
    """Gives the entry a certificate that is kept already, with where it came from."""
    entry.x509 = models.StoredCertificate.of(chosen.certificate)
    entry.source_kind, entry.source_url = chosen.kind, chosen.url
    entry.chain = list(chosen.chain)


def _check_free(planned: Planned, alias: str, present: models.Entry | None, *, ask: bool) -> None:
    """Raises `Conflict` where another entry than the `present` one has the alias, or its file name."""
    environment, place = planned.environment, f"{planned.field}.alias"
    but = present.pk if present is not None else None
    if ask and (other := alias_holder(environment, alias, but)):
        sentence = alias_taken(other, environment.name, alias)
        raise Conflict(sentence, code="alias-taken", fields=[FieldError(place, sentence)])
    held = None if present is not None and alias == present.alias else alias_files.holder(environment, alias, but)
    if held is not None and fold(held[0]) != fold(alias):  # which the constraint tells better
        sentence = alias_files.taken(alias, environment.name, held)
        advice = "Take an alias with other letters."
        raise Conflict(sentence, code="alias-taken", advice=advice, fields=[FieldError(place, sentence)])


def alias_taken(holder: models.Entry, environment: str, given: str) -> str:
    """The sentence that names who has the alias, as it is spelt there."""
    but = found.but_for_case(holder.alias, given)
    return f"The alias {holder.alias} is taken in {environment} by the certificate {holder.certificate.name}{but}."


def alias_holder(environment: models.Environment, alias: str, but: int | None = None) -> models.Entry | None:
    """The entry that has this alias in the environment, compared without case (D-09)."""
    rows = models.Entry.objects.select_related("certificate").filter(environment=environment, alias_key=fold(alias))
    return (rows if but is None else rows.exclude(pk=but)).first()


def check_shown(entry: models.Entry, shown: str) -> None:
    """Raises `Moved` where the entry has another certificate than the one of this SHA-256; empty says of none."""
    if shown and shown != entry.x509_id:
        sentence = f"Somebody else gave {entry.alias} in {entry.environment.name} another certificate meanwhile."
        raise Moved(sentence, advice="Look at the certificate that is stored now.")


def revoke(entry: models.Entry, by: str, reason: str) -> None:
    """Marks the entry; what it was stays stored."""
    entry.revoked_at, entry.revoked_by, entry.revoked_reason = timezone.now(), by, reason
    entry.save()


def restore(entry: models.Entry) -> None:
    """Undoes a revocation."""
    _trust_again(entry)
    entry.save()


def _trust_again(entry: models.Entry) -> None:
    entry.revoked_at, entry.revoked_by, entry.revoked_reason = None, "", ""


def fingerprint(entry: models.Entry) -> dict[str, Any]:
    """What audit events say of an entry; of a source with other certificates beside its own, which ones by a digest."""
    said = {
        "alias": entry.alias,
        "sha256": entry.x509_id,
        "source": entry.source_kind,
        "url": entry.source_url,
        "revoked_at": rfc3339(entry.revoked_at) if entry.revoked_at else None,
    }
    if entry.chain != [entry.x509_id]:
        said["chain"] = hashlib.sha256("\n".join(entry.chain).encode()).hexdigest()
    return said
