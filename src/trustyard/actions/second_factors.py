"""Second factors: who has which, who needs one, and what happens when somebody lost theirs."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings

from trustyard import models

from . import audit, sessions, users
from .actors import Actor
from .permissions import require

NAMES = {"totp": "Authenticator app", "webauthn": "Security key", "recovery_codes": "Recovery codes"}


def of(user: models.User) -> list[dict[str, Any]]:
    """What a person has: kind, name, since when, last used; recovery codes last, with how many are left."""
    rows = Authenticator.objects.filter(user=user).order_by("created_at", "pk")
    return sorted(map(_shown, rows), key=lambda one: one["type"] == "recovery_codes")


def missing(user: models.User, *, by_provider: bool) -> bool:
    """Whether this person has to set one up first (`TRUSTYARD_REQUIRE_MFA`).

    Never where the company's provider signed the person in: second factors are its business then.
    """
    required = settings.TRUSTYARD.identity.second_factor
    if required == "off" or by_provider or (required == "admins" and user.role != "admin"):
        return False
    return not Authenticator.objects.filter(user=user).exclude(type="recovery_codes").exists()


def note(actor: Actor, action: str, kind: str, name: str = "") -> None:
    """The audit event of a change to one's own factors: `add`, `remove` or `renew` (recovery codes)."""
    after = {"factor": NAMES[kind].lower(), **({"name": name} if name else {})}
    audit.record(actor, f"second_factor.{action}", "user", actor.name, after=after)


def reset(actor: Actor, username: str) -> int:
    """Takes all factors of a person away and ends their sessions; answers how many there were. Raises `NotFound`."""
    require(actor, "users.manage")
    with audit.transaction():
        user = users.locked(username)
        rows = Authenticator.objects.filter(user=user)
        kinds = sorted(NAMES[kind].lower() for kind in rows.values_list("type", flat=True))
        rows.delete()
        sessions.end_quietly(user)
        if kinds:
            audit.record(actor, "second_factor.reset", "user", user.username, before={"factors": kinds})
        return len(kinds)


def _shown(row: Authenticator) -> dict[str, Any]:
    held = row.wrap()
    left = len(held.get_unused_codes()) if row.type == "recovery_codes" else None
    name = held.name if row.type == "webauthn" else NAMES[row.type]
    return {
        "pk": row.pk,
        "type": row.type,
        "kind": NAMES[row.type],
        "name": name,
        "created_at": row.created_at,
        "last_used_at": row.last_used_at,
        "left": left,
    }
