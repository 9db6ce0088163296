"""People: accounts with a role, their passwords, switched on and off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.db.models.functions import Lower

from trustyard import models
from trustyard.errors import Conflict, FieldError, NotFound, Refused
from trustyard.pki.certificates import rfc3339
from trustyard.pki.names import clean_name, refuse_other_blanks, search_fold, skeleton

from . import audit, found, sessions
from .actors import Actor, check_not_reserved
from .gathering import Gathering
from .permissions import require
from .retries import retried
from .tokens import places_of


@retried
def create(
    actor: Actor, username: str, *, password: str, role: str = "viewer", environments: Sequence[str] = ()
) -> models.User:
    """Makes an account. Raises `Refused` (name, password, role), `Conflict` (a name taken, compared without case)."""
    require(actor, "users.manage")
    return _create(actor, username, password, role, environments)


def create_without_password(actor: Actor, username: str, role: str, environments: Sequence[str]) -> models.User:
    """Makes an account that only the company's sign-in provider can open."""
    return _create(actor, username, None, role, environments)


def check_new(actor: Actor, username: str, *, role: str, environments: Sequence[str]) -> None:
    """Raises what `create` would, but for the password: before somebody is asked for it."""
    require(actor, "users.manage")
    _judged(username, None, role, environments)


def _create(actor: Actor, username: str, password: str | None, role: str, environments: Sequence[str]) -> models.User:
    with audit.transaction():
        # Who comes by the provider was given a free name; a constraint says whether it still is.
        cleaned, places = _judged(username, password, role, environments, free=password is None)
        row = models.User(username=cleaned, role=role)
        row.set_password(password)  # with None, no password fits
        row.save()
        row.environments.set(places)
        audit.record(actor, "user.create", "user", row.username, after=fingerprint(row))
        return row


def _judged(
    username: str, password: str | None, role: str, environments: Sequence[str], *, free: bool = False
) -> tuple[str, list[models.Environment]]:
    """The name as it is kept, and the environments. Raises `Refused`, `Conflict` with all that is wrong.

    `free`: nobody has the name, so far as is known.
    """
    cleaned, places, given = "", [], Gathering()
    with given.part():
        cleaned = clean_name(username, "username")
        refuse_other_blanks(cleaned, "username")
        check_not_reserved(cleaned)
        if not free and (there := same_name(cleaned)) is not None:
            raise found.taken("user", there, cleaned, "username")
    with given.part():
        if password is not None:
            _check_password(password, models.User(username=cleaned))
    with given.part():
        places = places_of(role, environments)
    given.judge()
    return cleaned, places


def same_name(username: str) -> str | None:
    """The name of the account that has this one already, compared without case; None where it is free.

    Not left to the database: SQLite knows the case of ASCII letters alone, PostgreSQL that of its locale's, which may
    take the Turkish letters i for one.
    """
    key = search_fold(username)
    names = models.User.objects.values_list("username", flat=True)
    return next((name for name in names if search_fold(name) == key), None)


def free_name(wanted: str) -> str:
    """This name; with a number where somebody has it already, or one that looks like it."""
    names = models.User.objects.values_list("username", flat=True)
    taken = {key for name in names for key in (search_fold(name), skeleton(name))}
    name, number = wanted, 1
    while taken & {search_fold(name), skeleton(name)}:
        number += 1
        name = f"{wanted}-{number}"
    return name


def set_role(actor: Actor, user: models.User, role: str, environments: Sequence[str]) -> models.User:
    """The role that somebody else decides, such as the sign-in provider; even the last administrator's may go.

    Part of the caller's transaction.
    """
    return _change(actor, locked(user.username), role=role, environments=environments)


@retried
def update(
    actor: Actor,
    username: str,
    *,
    role: str | None = None,
    environments: Sequence[str] | None = None,
    active: bool | None = None,
    if_match: str | None = None,
) -> models.User:
    """Changes the role, the environments, or whether the account can sign in. The last active admin stays one.

    `if_match` is the `version` that a form showed. Raises `StaleVersion` where the account is another by now.
    """
    require(actor, "users.manage")
    with audit.transaction():
        # All of them, in one order: two administrators who disable each other are not both right.
        list(models.User.objects.select_for_update(no_key=True).filter(role="admin").order_by("pk").values_list("pk"))
        row = locked(username)
        if if_match is not None and if_match != version(row):
            raise found.stale()
        counted = row.role == "admin" and row.is_active
        _change(actor, row, role=role, environments=environments, active=active)
        if counted and not models.User.objects.filter(role="admin", is_active=True).exists():
            sentence, advice = "This is the last administrator who can sign in.", "Make somebody else one first."
            raise Conflict(sentence, code="last-admin", advice=advice)
        if active is False:
            sessions.end_quietly(row)  # or they would go on when the account is enabled again
        return row


def _change(
    actor: Actor,
    row: models.User,
    *,
    role: str | None = None,
    environments: Sequence[str] | None = None,
    active: bool | None = None,
) -> models.User:
    """Changes what is given of a locked account, and records it where anything changed."""
    before = fingerprint(row)
    if role is not None and role != "operator":
        environments = environments or ()  # or a list that an operator had would go on, and limit nobody
    row.role = row.role if role is None else role
    places = places_of(row.role, environments or ())
    if active is not None:
        row.is_active = active
    row.save()
    if environments is not None:
        row.environments.set(places)
    after = fingerprint(row)
    if after != before:
        audit.record(actor, "user.update", "user", row.username, before=before, after=after)
    return row


def disable(actor: Actor, username: str) -> models.User:
    """Ends the account's sign-in; what it did stays in the audit."""
    return update(actor, username, active=False)


def enable(actor: Actor, username: str) -> models.User:
    """Lets the account sign in again, with what it had."""
    return update(actor, username, active=True)


@retried
def set_password(
    actor: Actor, username: str, password: str, *, current: str | None = None, keep: str | None = None
) -> models.User:
    """A new password: an administrator's for anybody, or one's own with the current one. Sessions but `keep` end.

    Raises `Refused` (`provider-account`) for who comes by the provider: a password would outlive what it says of them.
    """
    with audit.transaction():
        row = locked(username)
        own = actor.user_id == row.pk
        _refuse_of_provider(row)
        if not own:
            require(actor, "users.manage")
        elif current is None or not row.check_password(current):
            sentence = "The current password is not this one."
            raise Refused(sentence, code="wrong-password", fields=[FieldError("current", sentence)])
        _check_password(password, row)
        row.set_password(password)
        row.save()
        sessions.end_quietly(row, but=keep)
        audit.record(actor, "user.password", "user", row.username)
        return row


def _refuse_of_provider(row: models.User) -> None:
    if of_provider(row):
        sentence = f"{row.username} signs in by the company's provider and has no password here."
        raise Refused(sentence, code="provider-account", fields=[FieldError("password", sentence)])


def of_provider(row: models.User) -> bool:
    """Whether the account belongs to a subject of the company's sign-in provider."""
    return bool(SocialAccount.objects.filter(user=row).exists())


def find(actor: Actor) -> QuerySet[models.User]:
    """All accounts by name."""
    require(actor, "users.manage")
    people = models.User.objects.prefetch_related("environments", "socialaccount_set", "authenticator_set")
    return people.order_by(Lower("username"), "username")


def get(actor: Actor, username: str) -> models.User:
    """The account of this name. Raises `NotFound`."""
    require(actor, "users.manage")
    return _named(models.User.objects.all(), username)


def with_password(actor: Actor, username: str) -> models.User:
    """As `get`, before somebody is asked for its new password. Raises `Refused` (`provider-account`)."""
    row = get(actor, username)
    _refuse_of_provider(row)
    return row


def get_by_id(actor: Actor, pk: int) -> models.User:
    """The account of this number. Raises `NotFound`."""
    require(actor, "users.manage")
    return found.by_id(models.User.objects.all(), pk, "user")


@dataclass(frozen=True)
class Ways:
    """How a person comes in."""

    provider: bool
    second_factor: bool


def ways_in(row: models.User) -> Ways:
    """Without a query for rows that `find` gave."""
    held: Any = row  # the two sets are relations that allauth's models bring
    factors = {factor.type for factor in held.authenticator_set.all()} - {"recovery_codes"}
    return Ways(bool(held.socialaccount_set.all()), bool(factors))


def user_json(row: models.User) -> dict[str, Any]:
    """An account without its password."""
    ways = ways_in(row)
    return {
        "username": row.username,
        "role": row.role,
        "environments": found.limits(row),
        "active": row.is_active,
        "sign_in": "provider" if ways.provider else "password",
        "second_factor": ways.second_factor,
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


def version(row: models.User) -> str:
    """A digest of what an administrator decides of an account: a form that shows another one is stale."""
    return hashlib.sha256(json.dumps(fingerprint(row), sort_keys=True).encode()).hexdigest()[:16]


def locked(username: str) -> models.User:
    """The account under its lock. Raises `NotFound`."""
    return _named(models.User.objects.select_for_update(no_key=True), username)


def _named(rows: QuerySet[models.User], username: str) -> models.User:
    row = rows.filter(username=username).first()
    if row is None:
        raise NotFound(f"There is no user named {username}.")
    return row


def _check_password(password: str, row: models.User) -> None:
    try:
        validate_password(password, row)
    except ValidationError as error:
        raise Refused(
            "This password cannot be taken.",
            code="bad-password",
            fields=[FieldError("password", message) for message in error.messages],
        ) from None
