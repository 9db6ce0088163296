"""Operators and tokens that are bound to an environment: when it goes, none of them may come to be for all."""

from __future__ import annotations

from trustyard import models

from . import tokens, users
from .actors import Actor


def narrow(actor: Actor, environment: models.Environment) -> None:
    """Whoever was for this environment alone: people become viewers, tokens end. Part of the caller's transaction.

    An operator bound to no environment is one of all (D-24), so nobody may be left bound to none. Only the bonds of
    those who are locked and judged here are taken away: one that somebody makes meanwhile stands, and a constraint
    ends the deletion at its commit, which then looks again.
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
    """Deletes the row, and nothing that hangs on it: the ORM would take away bonds that `narrow` never saw."""
    rows = models.Environment.objects.filter(pk=environment.pk)
    rows._raw_delete(rows.db)  # no other way around the ORM's own cascade


def _is_for_it_alone(holder: models.User | models.Token, environment: models.Environment) -> bool:
    # Asked under the holder's lock: another environment of theirs may have gone a moment ago.
    return list(holder.environments.values_list("pk", flat=True)) == [environment.pk]
