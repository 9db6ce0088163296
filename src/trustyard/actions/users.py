"""People: accounts with a role, their passwords, switched on and off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from trustyard import models
from trustyard.errors import Conflict, FieldError, NotFound, Refused
from trustyard.pki.certificates import rfc3339
from trustyard.pki.names import clean_name

from . import audit, found
from .actors import Actor
from .again import looks_again
from .permissions import require
from .tokens import check_role


@looks_again
def create(
    actor: Actor, username: str, *, password: str, role: str = "viewer", environments: Sequence[str] = ()
) -> models.User:
    """Makes an account. Raises `Refused` (name, password, role), `Conflict` (a name taken, compared without case)."""
    require(actor, "users.manage")
    check_role(role)
    places = [found.environment(place, "environments") for place in environments]
    with audit.transaction():
        cleaned = clean_name(username, "username")
        if models.User.objects.filter(username__iexact=cleaned).exists():
            sentence = f"There is already a user named {cleaned}."
            raise Conflict(sentence, code="name-taken", fields=[FieldError("username", sentence)])
        row = models.User(username=cleaned, role=role)
        _set_password(row, password)
        row.save()
        row.environments.set(places)
        audit.record(actor, "user.create", "user", row.username, after=fingerprint(row))
        return row


@looks_again
def update(
    actor: Actor,
    username: str,
    *,
    role: str | None = None,
    environments: Sequence[str] | None = None,
    active: bool | None = None,
) -> models.User:
    """Changes the role, the environments, or whether the account can sign in. The last active admin stays one."""
    require(actor, "users.manage")
    with audit.transaction():
        # All of them, in one order: two administrators who disable each other are not both right.
        list(models.User.objects.select_for_update(no_key=True).filter(role="admin").order_by("pk").values_list("pk"))
        row = _locked(username)
        before = fingerprint(row)
        if role is not None:
            check_role(role)
            row.role = role
        if active is not None:
            row.is_active = active
        row.save()
        if environments is not None:
            row.environments.set([found.environment(place, "environments") for place in environments])
        if not models.User.objects.filter(role="admin", is_active=True).exists():
            raise Conflict("This is the last administrator who can sign in.", code="last-admin")
        after = fingerprint(row)
        if after != before:
            audit.record(actor, "user.update", "user", row.username, before=before, after=after)
        return row


def disable(actor: Actor, username: str) -> models.User:
    """Ends the account's sign-in; what it did stays in the audit."""
    return update(actor, username, active=False)


@looks_again
def set_password(actor: Actor, username: str, password: str, *, current: str | None = None) -> models.User:
    """A new password: an administrator's for anybody, or one's own with the current one."""
    with audit.transaction():
        row = _locked(username)
        own = actor.user_id == row.pk
        if not own:
            require(actor, "users.manage")
        elif current is None or not row.check_password(current):
            sentence = "The current password is not this one."
            raise Refused(sentence, code="wrong-password", fields=[FieldError("current", sentence)])
        _set_password(row, password)
        row.save()
        audit.record(actor, "user.password", "user", row.username)
        return row


def find(actor: Actor) -> QuerySet[models.User]:
    """All accounts by name."""
    require(actor, "users.manage")
    return models.User.objects.prefetch_related("environments").order_by("username")


def get_by_id(actor: Actor, pk: int) -> models.User:
    """The account of this number. Raises `NotFound`."""
    require(actor, "users.manage")
    return found.by_id(models.User.objects.all(), pk, "user")


def user_json(row: models.User) -> dict[str, Any]:
    """An account without its password."""
    return {
        "username": row.username,
        "role": row.role,
        "environments": [place.name for place in row.environments.all()],
        "active": row.is_active,
        "created_at": rfc3339(row.created_at),
        "last_sign_in_at": rfc3339(row.last_login) if row.last_login else None,
    }


def fingerprint(row: models.User) -> dict[str, Any]:
    """What audit events say of an account."""
    return {
        "role": row.role,
        "environments": sorted(place.name for place in row.environments.all()),
        "active": row.is_active,
    }


def _locked(username: str) -> models.User:
    row = models.User.objects.select_for_update(no_key=True).filter(username=username).first()
    if row is None:
        raise NotFound(f"There is no user named {username}.")
    return row


def _set_password(row: models.User, password: str) -> None:
    try:
        validate_password(password, row)
    except ValidationError as error:
        raise Refused(
            "This password cannot be taken.",
            code="bad-password",
            fields=[FieldError("password", message) for message in error.messages],
        ) from None
    row.set_password(password)
