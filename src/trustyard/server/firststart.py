"""What an empty database is given at the first start: an administrator, and the environments test and production."""

from __future__ import annotations

import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from trustyard import models
from trustyard.actions import audit, environments, gateways, users
from trustyard.actions.actors import SYSTEM

ADMIN = "admin"


def first_start(password: str) -> list[str]:
    """Adds what is missing, in one transaction; answers what to tell the person, one line each.

    `password` is the administrator's; empty: a random one, which only these lines ever show.
    """
    with audit.transaction():
        first = not _had_environments()
        if not models.User.objects.exists():
            lines = _administrator(password)
        else:  # said at the first start alone: where it stands in a manifest it is set for ever
            lines = [_passed_over(password)] if first else []
        if first:
            for name in ("test", "production"):
                environments.create(SYSTEM, name=name, type=name, root_set="mozilla")
                gateways.create(SYSTEM, name, name="files", kind="files")
    return lines


def _administrator(password: str) -> list[str]:
    chosen = secrets.token_urlsafe(15)
    user = users.create(SYSTEM, ADMIN, password=chosen, role="admin")
    if not password:
        return [f"User {ADMIN} with the password {chosen} (shown this once)"]
    # The rules for passwords hold for people who are added later; this one is chosen by whoever starts the server.
    user.set_password(password)
    user.save()
    lines = [f"User {ADMIN} with the password of TRUSTYARD_ADMIN_PASSWORD"]
    try:
        validate_password(password, user)
    except ValidationError:
        lines.append("This password is weak: change it before others can reach this server")
    return lines


def _passed_over(password: str) -> str:
    unused = "; TRUSTYARD_ADMIN_PASSWORD is not used" if password else ""
    return f"No user {ADMIN} is made, for there are users already{unused}"


def _had_environments() -> bool:
    # Where both were deleted, they must not come back at the next start.
    made = models.AuditEvent.objects.filter(action="environment.create")
    return models.Environment.objects.exists() or made.exists()
