"""Operators and tokens limited to an environment that is deleted: none of them may end up with access to all."""

from __future__ import annotations

from trustyard import models

from . import tokens, users
from .actors import Actor


def narrow(actor: Actor, environment: models.Environment) -> None:
    """Takes the environment away from everybody limited to it. Part of the caller's transaction.

    An operator without any limit has access to all environments (D-24), so whoever would be left without one loses the
    role: people become viewers, tokens are revoked. Only the limits of rows that are locked and judged here are
    removed. One that is added meanwhile stays, violates a constraint at the commit, and the deletion is run again.
    """
    people = models.User.objects.select_for_update(no_key=True, of=("self",)).filter(environments=environment)
    for user in people.order_by("pk"):
        if user.role == "operator" and _is_for_it_alone(user, environment):
            users.set_role(actor, user, "viewer", [])
        user.environments.remove(environment)
    programs = models.Token.objects.select_for_update(no_key=True, of=("self",)).filter(environments=environment)
    for token in programs.order_by("pk"):
        if token.role == "operator" and token.revoked_at is None and _is_for_it_alone(token, environment):
            tokens.revoke(actor, token.name)
        token.environments.remove(environment)


def remove(environment: models.Environment) -> None:
    """Deletes the row alone: the cascade of the ORM would remove limits that `narrow` never saw."""
    rows = models.Environment.objects.filter(pk=environment.pk)
    rows._raw_delete(rows.db)  # no other way around the ORM's own cascade


def _is_for_it_alone(holder: models.User | models.Token, environment: models.Environment) -> bool:
    # Asked under the holder's lock: another environment of theirs may have gone a moment ago.
    return list(holder.environments.values_list("pk", flat=True)) == [environment.pk]
