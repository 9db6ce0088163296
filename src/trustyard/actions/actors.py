"""Who acts: a person, a token or Trustyard itself, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trustyard import models

from . import requests

Via = Literal["api", "console", "local", "system"]


@dataclass(frozen=True)
class Actor:
    """The name that audit events show, the role, and the environments it is for (None: all of them)."""

    name: str
    role: str
    environments: frozenset[str] | None = None
    address: str = ""
    via: Via = "api"
    user_id: int | None = None


SYSTEM = Actor(name="trustyard", role="admin", via="system")
LOCAL = Actor(name="command line", role="admin", via="local")


def of_user(user: models.User, address: str, via: Via = "console") -> Actor:
    """The actor behind a signed-in person."""
    requests.asked_by(user.username)
    return Actor(user.username, user.role, _named(user), address, via, user.pk)


def of_token(token: models.Token, address: str) -> Actor:
    """The actor behind an API token."""
    name = f"token:{token.name}"
    requests.asked_by(name)
    return Actor(name, token.role, _named(token), address, "api")


def _named(holder: models.User | models.Token) -> frozenset[str] | None:
    # Only operators are bound to environments (D-24); for the others the list has no meaning.
    if holder.role != "operator":
        return None
    names = frozenset(holder.environments.values_list("name", flat=True))
    return names or None
