"""API tokens: made, listed, revoked, ended by their date; kept as SHA-256, shown once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import DatabaseError
from django.db.models import Q, QuerySet
from django.utils import timezone

from trustyard import models
from trustyard.errors import FieldError, NotSignedIn, Refused
from trustyard.models.compiled import Compiled
from trustyard.models.people import ROLES
from trustyard.pki.certificates import rfc3339
from trustyard.pki.names import refuse_other_blanks

from . import actors, audit, found, token_expiry
from .actors import Actor
from .gathering import Gathering
from .permissions import require
from .retries import retried

PREFIX = "ty_"
USED_AT_MOST_EVERY = timedelta(minutes=1)
_OF_SECRET = Compiled(lambda sha256: models.Token.objects.filter(sha256=sha256, revoked_at__isnull=True))


@retried
def create(
    actor: Actor, name: str, *, role: str = "operator", environments: Sequence[str] = (), expires: str = ""
) -> tuple[models.Token, str]:
    """Makes a token and answers it with its secret, which cannot be seen again. Raises `Refused`, `Conflict`.

    `expires` is as `token_expiry.read` takes it: a number of days, or the last day.
    """
    require(actor, "tokens.manage")
    cleaned, key, places, expires_at, given = "", "", [], None, Gathering()
    secret = PREFIX + secrets.token_urlsafe(32)
    with audit.transaction():
        with given.part():
            cleaned, key = found.free_name(models.Token.objects.filter(revoked_at__isnull=True), name, "token")
            refuse_other_blanks(cleaned, "name")
        with given.part():
            places = places_of(role, environments)
        with given.part():
            expires_at = token_expiry.read(expires, timezone.now())
        given.judge()
        row = models.Token.objects.create(
            name=cleaned,
            name_key=key,
            sha256=_digest(secret),
            role=role,
            made_by=actor.name,
            expires_at=expires_at,
        )
        row.environments.set(places)
        after = {"role": role, "environments": found.names(places)}
        if expires_at:
            after["expires_at"] = rfc3339(expires_at)
        audit.record(actor, "token.create", "token", row.name, after=after)
    return row, secret


@retried
def revoke(actor: Actor, name: str) -> models.Token:
    """Ends a token at once. Raises `NotFound`."""
    require(actor, "tokens.manage")
    with audit.transaction():
        rows = models.Token.objects.select_for_update(no_key=True).filter(revoked_at__isnull=True)
        row = found.by_name(rows, name, "token")
        row.revoked_at = timezone.now()
        row.save()
        audit.record(actor, "token.revoke", "token", row.name)
        return row


def find(actor: Actor) -> QuerySet[models.Token]:
    """All tokens, the revoked ones too."""
    require(actor, "tokens.manage")
    return models.Token.objects.prefetch_related("environments").order_by("name_key", "pk")


def authenticate(secret: str, address: str) -> Actor | None:
    """The actor of this secret, or None. Notes the use at most once a minute.

    Raises `NotSignedIn` (`token-expired`) for a token whose date is past.
    """
    row = _OF_SECRET.one(models.Token, _digest(secret))
    if row is None:
        return None
    now = timezone.now()
    if row.expires_at is not None and row.expires_at <= now:
        # The caller holds the whole secret, so they may be told why it stopped working.
        sentence = f"This token ended on {row.expires_at:%Y-%m-%d}."
        raise NotSignedIn(sentence, code="token-expired", advice="Ask an administrator for another one.")
    if row.last_used_at is None or now - row.last_used_at > USED_AT_MOST_EVERY:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USED_AT_MOST_EVERY)
        with suppress(DatabaseError):  # a read-only database still answers reads; a change will be refused in words
            models.Token.objects.filter(stale, pk=row.pk).update(last_used_at=now)
    return actors.of_token(row, address)


def token_json(row: models.Token) -> dict[str, Any]:
    """A token without its secret."""
    return {
        "name": row.name,
        "role": row.role,
        "environments": found.limits(row),
        "made_by": row.made_by,
        "created_at": rfc3339(row.created_at),
        "last_used_at": rfc3339(row.last_used_at) if row.last_used_at else None,
        "revoked_at": rfc3339(row.revoked_at) if row.revoked_at else None,
        "expires_at": rfc3339(row.expires_at) if row.expires_at else None,
    }


def check_role(role: str) -> None:
    """Raises `Refused` for a role that does not exist."""
    if role not in ROLES:
        sentence = f"A role is one of {', '.join(ROLES)}."
        raise Refused(sentence, code="bad-role", fields=[FieldError("role", sentence)])


def places_of(role: str, environments: Sequence[str]) -> list[models.Environment]:
    """The environments that a holder of this role is limited to; of another role than operator none (D-24).

    Raises `Refused` for a role or environments that do not exist, and for environments that limit nobody.
    """
    check_role(role)
    if role != "operator" and environments:
        sentence = "Environments limit operators alone; a viewer sees all and an administrator may do all."
        raise Refused(sentence, code="environments-need-operator", fields=[FieldError("environments", sentence)])
    return found.environments(environments)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
