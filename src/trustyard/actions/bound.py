"""Operators and tokens that are bound to an environment: when it goes, none of them may come to be for all."""

from __future__ import annotations

from trustyard import models

from . import tokens, users
from .actors import Actor


def narrow(actor: Actor, environment: models.Environment) -> None:
    """Whoever was for this environment alone: people become viewers, tokens end. Part of the caller's transaction.

    An operator bound to no environment is one of all (D-24), so nobody may be left bound to none.
    """
    for user in models.User.objects.filter(role="operator", environments=environment):
        if user.environments.count() == 1:
            users.set_role(actor, user, "viewer", [])
    for token in models.Token.objects.filter(role="operator", environments=environment, revoked_at__isnull=True):
        if token.environments.count() == 1:
            tokens.revoke(actor, token.name)
