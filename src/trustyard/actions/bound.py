"""Operators and tokens that are bound to an environment: when it goes, none of them may come to be for all."""

from __future__ import annotations

from django.utils import timezone

from trustyard import models

from . import audit
from .actors import Actor


def narrow(actor: Actor, environment: models.Environment) -> None:
    """Whoever was for this environment alone: people become viewers, tokens end. Part of the caller's transaction.

    An operator bound to no environment is one of all (D-24), so nobody may be left bound to none.
    """
    for user in models.User.objects.filter(role="operator", environments=environment):
        if user.environments.count() > 1:
            continue
        models.User.objects.filter(pk=user.pk).update(role="viewer")
        before = {"role": "operator", "environments": [environment.name]}
        audit.record(actor, "user.update", "user", user.username, before=before, after={"role": "viewer"})
    bound = models.Token.objects.filter(role="operator", environments=environment, revoked_at__isnull=True)
    for token in bound:
        if token.environments.count() > 1:
            continue
        models.Token.objects.filter(pk=token.pk).update(revoked_at=timezone.now())
        audit.record(actor, "token.revoke", "token", token.name)
