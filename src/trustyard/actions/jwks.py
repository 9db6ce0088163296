"""JWKs: made from an entry's certificate or given by hand, renamed, deleted, published with the next release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from trustyard import models
from trustyard.errors import FieldError, NotFound, Refused
from trustyard.pki.certificates import Certificate
from trustyard.pki.jwkfields import MAX_KID, not_kept
from trustyard.pki.jwks import (
    algorithms_for,
    default_use,
    jwk_from_certificate,
    read_public_jwk,
    thumbprint,
    why_refused,
)
from trustyard.pki.reading import Notice
from trustyard.pki.refusals import refuse_private_key

from . import audit, found, key_ids, releases
from .actors import Actor
from .gathering import Gathering
from .jwk_connection import disable_with_entry, fingerprint
from .jwks_read import USES, check_state, choices, find, get, get_by_id, jwk_json
from .permissions import require
from .restored import Confirmed
from .retries import retried

__all__ = [
    "UNSET", "FromCertificate", "HandGiven", "SavedJwk", "choices", "create", "delete", "find", "get", "get_by_id",
    "jwk_json", "update",
]  # fmt: skip


class _Unset:
    """Stands for: not given."""


UNSET = _Unset()


@dataclass(frozen=True)
class FromCertificate:
    """Made from one environment's entry of a certificate, and connected to it."""

    certificate: str
    environment: str


@dataclass(frozen=True)
class HandGiven:
    """A public JWK that somebody has, for these environments; connected to nothing."""

    jwk: Mapping[str, Any] | None  # None: what was given is none
    environments: Sequence[str]


@dataclass
class SavedJwk:
    """The JWK, the newest releases of what was deployed, and what to tell of a new key."""

    jwk: models.Jwk
    releases: list[models.Release] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


@retried
def create(
    actor: Actor,
    *,
    name: str,
    description: str = "",
    source: FromCertificate | HandGiven,
    use: str | None = None,
    alg: str | _Unset | None = UNSET,
    kid: str | None = None,
    deploy: bool = False,
    confirm_restored: Confirmed = False,
) -> SavedJwk:
    """Stores a public JWK. `use` not given is the key's usual one, `alg` not given the one that fits; None states none.

    Raises `Refused` (no JWK form, a misfit, private members), `Conflict` (the name, the key ID), `NotFound`.
    """
    require(actor, "jwks.write")
    _check_use(use)
    given = Gathering()
    with audit.transaction():
        with given.part():
            cleaned, key = found.free_name(models.Jwk.objects.all(), name, "JWK")
        with given.part():
            found.description(description)
        sound = None  # the key ID, unless it is refused: the source is judged all the same
        with given.part():
            _check_kid(kid)
            sound = kid
        with given.part():
            row, places = _made(actor, source, use, alg, sound)
        given.judge()
        row.name, row.name_key, row.description = cleaned, key, description
        row.save()
        row.environments.set(places)
        found.alone_with([row.kid])
        key_ids.check([row])
        audit.record(actor, "jwk.create", "jwk", row.name, after=fingerprint(row))
        dropped = not_kept(source.jwk) if isinstance(source, HandGiven) and source.jwk else []
        notices = [*dropped, *key_ids.told(row)]
        return SavedJwk(row, _deployed(actor, places, deploy, confirm_restored), notices)


def _made(
    actor: Actor, source: FromCertificate | HandGiven, use: str | None, alg: str | _Unset | None, kid: str | None
) -> tuple[models.Jwk, list[models.Environment]]:
    """The row without a name, not stored yet, and the environments that it is for."""
    if isinstance(source, FromCertificate):
        return _made_from_certificate(actor, source, use, alg, kid)
    return _made_by_hand(actor, source, use, alg, kid)


def _made_from_certificate(
    actor: Actor, source: FromCertificate, use: str | None, alg: str | _Unset | None, kid: str | None
) -> tuple[models.Jwk, list[models.Environment]]:
    for member, sentence in (("certificate", "Choose a certificate."), ("environment", "Choose an environment.")):
        if not getattr(source, member):
            raise Refused(sentence, code="bad-jwk", fields=[FieldError(f"source.{member}", sentence)])
    entry = found.entry(source.certificate, source.environment, "source")
    require(actor, "jwks.write", [entry.environment.name])
    # Under the certificate's lock, for a change of it looks for its JWKs there; then as it is by now, if it still is.
    with suppress(NotFound):
        found.locked(entry.certificate, "certificate")
    entry = found.entry(source.certificate, source.environment, "source")
    chosen = entry.x509.read()
    use = use or default_use(chosen)
    if isinstance(alg, _Unset):
        alg = next(iter(algorithms_for(chosen, use)), None)
    public = _public_of(chosen, use, alg, kid)
    row = models.Jwk(public=public, entry=entry, use=use, alg=alg or "", kid=public["kid"], kid_given=bool(kid))
    if entry.revoked:
        disable_with_entry(row)
    return row, [entry.environment]


def _public_of(chosen: Certificate, use: str, alg: str | None, kid: str | None) -> dict[str, Any]:
    try:
        return jwk_from_certificate(chosen, use=use, alg=alg, kid=kid)
    except Refused as error:
        if error.code == "algorithm-misfit":
            error.fields = [FieldError("alg" if algorithms_for(chosen, use) else "use", error.sentence)]
        raise


def _made_by_hand(
    actor: Actor, source: HandGiven, use: str | None, alg: str | _Unset | None, kid: str | None
) -> tuple[models.Jwk, list[models.Environment]]:
    gathered, public, places, said = Gathering(), {}, [], {"use": use, "kid": kid}
    with gathered.part():
        places = found.environments(source.environments, "source.environments")
        if not places:
            sentence = "A JWK given by hand needs at least one environment."
            raise Refused(sentence, code="no-environment", fields=[FieldError("source.environments", sentence)])
    require(actor, "jwks.write", found.names(places))
    if not isinstance(alg, _Unset):
        said["alg"] = alg
    with gathered.part():
        public = _read_given(source.jwk, {member: value for member, value in said.items() if value})
    gathered.judge()
    row = models.Jwk(public=public, kid=public["kid"], kid_given=bool(kid or (source.jwk or {}).get("kid")))
    row.use, row.alg = public.get("use", ""), public.get("alg", "")
    return row, places


def _read_given(jwk: Mapping[str, Any] | None, said: Mapping[str, str]) -> dict[str, Any]:
    if jwk is None:
        sentence = 'This is not a JWK: a JSON object such as {"kty": "EC", …}.'
        raise Refused(sentence, code="bad-jwk", fields=[FieldError("source.jwk", sentence)])
    try:
        return read_public_jwk({**jwk, **said})
    except Refused as error:
        error.fields = error.fields or [FieldError("source.jwk", error.sentence)]
        raise


@retried
def update(
    actor: Actor,
    name: str,
    *,
    if_match: str | None,
    new_name: str | None = None,
    description: str | None = None,
    use: str | _Unset | None = UNSET,
    alg: str | _Unset | None = UNSET,
    kid: str | _Unset | None = UNSET,
    state: str | None = None,
    deploy: bool = False,
    confirm_restored: Confirmed = False,
) -> SavedJwk:
    """Changes what is given; the key itself never changes here. A `kid` of None goes back to the thumbprint."""
    require(actor, "jwks.write")
    stored = get(actor, name)
    found.check_version(stored, if_match)
    with audit.transaction():
        row = found.locked(stored, "JWK")
        found.check_version(row, if_match)
        places = list(row.environments.all())
        require(actor, "jwks.write", found.names(places))
        before, was = _said(row), _stored(row)
        given = Gathering()
        with given.part():
            _rename(row, new_name)
        with given.part():
            row.description = row.description if description is None else found.description(description)
        with given.part():
            _restate(row, use, alg, kid)
        with given.part():
            _set_state(row, state)
        given.judge()
        if _stored(row) != was:
            row.version += 1
            row.save()
            found.alone_with([row.kid])
            key_ids.check([row])
            audit.record(actor, "jwk.update", "jwk", row.name, before=before, after=_said(row))
        return SavedJwk(row, _deployed(actor, places, deploy, confirm_restored))


def _said(row: models.Jwk) -> dict[str, Any]:
    """What the audit says of a change by hand, which may be one of the name or of the description alone."""
    return {"name": row.name, "description": row.description, **fingerprint(row)}


def _stored(row: models.Jwk) -> tuple[Any, ...]:
    stated = row.use, row.alg, row.kid, row.kid_given
    return row.name, row.description, row.public, *stated, row.state, row.disabled_with_entry


def _rename(row: models.Jwk, new_name: str | None) -> None:
    if new_name is not None and new_name != row.name:
        row.name, row.name_key = found.free_name(models.Jwk.objects.all(), new_name, "JWK", but=row.pk)


def _set_state(row: models.Jwk, state: str | None) -> None:
    if state is None:
        return
    check_state(state, "bad-jwk")
    if state == "active" and row.entry is not None and row.entry.revoked:
        where = f"{row.entry.certificate.name} in {row.entry.environment.name}"
        sentence = f"The entry that this JWK was made from, {where}, is revoked."
        advice = "Restore it, or give it a new certificate."
        raise Refused(sentence, code="entry-revoked", advice=advice, fields=[FieldError("state", sentence)])
    if state == "active" and row.state != "active" and (refused := why_refused(row.public)):
        refused.fields = [FieldError("state", refused.sentence)]
        raise refused
    row.state, row.disabled_with_entry = state, False  # a person's word, also about what a revocation disabled before


def _restate(row: models.Jwk, use: str | _Unset | None, alg: str | _Unset | None, kid: str | _Unset | None) -> None:
    public = dict(row.public)
    if not isinstance(use, _Unset):
        _check_use(use)
        row.use = use or ""
        _put(public, "use", use)
    if not isinstance(alg, _Unset):
        row.alg = alg or ""
        if not (public.get("kty") == "AKP" and alg is None):  # there `alg` is part of the key (RFC 9964)
            _put(public, "alg", alg)
    if not isinstance(kid, _Unset):
        _check_kid(kid)
        row.kid, row.kid_given = kid or thumbprint(public), bool(kid)
        public["kid"] = row.kid
    keyed = row.entry.x509.read() if row.entry is not None else public
    purpose = row.use or "sig"
    if row.alg and row.alg not in (fitting := algorithms_for(keyed, purpose)):
        sentence = f"The algorithm {row.alg} does not fit this key and the use {purpose}."
        advice = f"These fit: {', '.join(fitting)}." if fitting else ""
        raise Refused(sentence, code="algorithm-misfit", advice=advice, fields=[FieldError("alg", sentence)])
    row.public = public


def _put(public: dict[str, Any], member: str, value: str | None) -> None:
    if value is None:
        public.pop(member, None)
    else:
        public[member] = value


@retried
def delete(
    actor: Actor, name: str, *, if_match: str | None, deploy: bool = True, confirm_restored: Confirmed = False
) -> SavedJwk:
    """Removes a JWK; by default a new release withdraws it at once from every environment that published it."""
    require(actor, "jwks.write")
    stored = get(actor, name)
    found.check_version(stored, if_match)
    with audit.transaction():
        row = found.locked(stored, "JWK")
        found.check_version(row, if_match)
        places = list(row.environments.all())
        require(actor, "jwks.write", found.names(places))
        before = {"id": row.pk, **fingerprint(row)}
        models.Jwk.objects.filter(pk=row.pk).delete()
        audit.record(actor, "jwk.delete", "jwk", row.name, before=before)
        return SavedJwk(row, _deployed(actor, places, deploy, confirm_restored))


def _check_use(use: str | None) -> None:
    if use is not None and use not in USES:
        sentence = "The use of a JWK is sig or enc."
        raise Refused(sentence, code="bad-jwk", fields=[FieldError("use", sentence)])


def _check_kid(kid: str | None) -> None:
    if kid is not None and (not 0 < len(kid) <= MAX_KID or not kid.isprintable()):
        sentence = f"A key ID is 1 to {MAX_KID} printable characters."
        raise Refused(sentence, code="bad-jwk", fields=[FieldError("kid", sentence)])
    refuse_private_key(kid or "", "kid")


def _deployed(
    actor: Actor, places: Sequence[models.Environment], deploy: bool, confirm_restored: Confirmed
) -> list[models.Release]:
    if not deploy:
        return []
    return [made.release for made in releases.make(actor, places, confirm_restored=confirm_restored)]
