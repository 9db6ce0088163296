"""Accounts that the company's OpenID Connect provider vouches for: their role comes from a claim, at each sign-in.

An account belongs to one issuer and subject (OpenID Connect Core 1.0, section 2). It is never found by its e-mail
address or its name, which a provider may give to somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from allauth.socialaccount.models import SocialAccount

from trustyard import models
from trustyard.errors import NotAllowed, Refused
from trustyard.pki.names import MAX_LENGTH, clean_name, refuse_other_blanks

from . import audit, sessions, users
from .actors import Actor, check_not_reserved
from .retries import retried

NAME_CLAIMS = ("preferred_username", "upn", "email", "sub")


class Grant(Protocol):
    """What a value of the claim gives (`server.identity.Grant`)."""

    @property
    def value(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def environment(self) -> str: ...


@dataclass(frozen=True)
class Granted:
    """A role, and for operators the environments it is for (none: all)."""

    role: str
    environments: tuple[str, ...] = ()


def values(claims: Mapping[str, Any], path: str) -> list[str]:
    """What a claim holds, as texts. `path` is its name, or leads to it with dots (`realm_access.roles`)."""
    found: Any = claims
    for part in (path,) if path in claims else path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str | int):
        return [str(found)]
    return [str(one) for one in found] if isinstance(found, list) else []


def granted(held: Iterable[str], grants: Iterable[Grant], known: Iterable[str]) -> Granted | None:
    """The highest role that these values give; None: no access. `known` are the environments that there are."""
    values, there = {*held, "*"}, set(known)
    # Not a role for an environment that was deleted: without a limit it would be for all environments.
    mine = [one for one in grants if one.value in values and (not one.environment or one.environment in there)]
    if any(one.role == "admin" for one in mine):
        return Granted("admin")
    operated = [one.environment for one in mine if one.role == "operator"]
    if operated:
        return Granted("operator", () if "" in operated else tuple(sorted(set(operated))))
    return Granted("viewer") if mine else None


@retried
def come_in(
    actor: Actor, issuer: str, subject: str, claims: Mapping[str, Any], path: str, grants: Iterable[Grant]
) -> models.User:
    """The account of this subject as it is from now on. Raises `NotAllowed`, as `role_of` and `take` do."""
    held = SocialAccount.objects.filter(provider=issuer, uid=subject).select_related("user").first()
    known = held.user if held is not None else None
    role = role_of(actor, known, claims, path, grants)
    with audit.transaction():
        user = take(actor, known, claims, role)
        if held is None:
            SocialAccount.objects.create(user=user, provider=issuer, uid=subject)
    return user


def role_of(
    actor: Actor, user: models.User | None, claims: Mapping[str, Any], path: str, grants: Iterable[Grant]
) -> Granted:
    """What these claims give. `user` is the account of their subject, None at the first sign-in.

    Raises `NotAllowed` where no value of the claim gives a role; nothing is made then, and open sessions end.
    """
    names = models.Environment.objects.values_list("name", flat=True)
    role = granted(values(claims, path), grants, names)
    if role is None:
        _turn_away(actor, user)
        raise NotAllowed(
            f"The sign-in provider knows you, but its claim {path} holds nothing that gives access to Trustyard.",
            advice="Ask whoever manages the groups of your company.",
        )
    return role


def take(actor: Actor, user: models.User | None, claims: Mapping[str, Any], role: Granted) -> models.User:
    """The account, made at the first sign-in, with its role as it is now.

    Raises `NotAllowed` at the first sign-in of somebody whose name is one of another kind of actor.
    """
    if user is None:
        return users.create_without_password(actor, _free_name(claims), role.role, role.environments)
    return users.set_role(actor, user, role.role, role.environments)


def _turn_away(actor: Actor, user: models.User | None) -> None:
    if user is not None:
        with audit.transaction():
            sessions.end_quietly(user)
            audit.record(actor, "user.sign_in_refused", "user", user.username)


def _free_name(claims: Mapping[str, Any]) -> str:
    """What the provider calls this person; with a number where somebody else has that name, or one like it."""
    wanted = next((name for claim in NAME_CLAIMS if (name := _clean(claims.get(claim)))), "person")
    try:
        check_not_reserved(wanted)
    except Refused as error:
        advice = "Ask whoever manages the accounts of your company for another name."
        raise NotAllowed(error.sentence, advice=advice) from None
    return users.free_name(wanted)


def _clean(name: Any) -> str:
    if not isinstance(name, str):
        return ""
    try:
        cleaned = clean_name(name.strip()[: MAX_LENGTH - 5])
        refuse_other_blanks(cleaned, "username")
        return cleaned
    except Refused:
        return ""
