"""Who acts: a person, a token or Trustyard itself, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trustyard import models
from trustyard.errors import FieldError, Refused
from trustyard.pki.names import skeleton

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

    @property
    def key(self) -> str:
        """The key of what is stored or counted per actor: `user:<id>` for a person, `token:<name>` for a token."""
        return f"user:{self.user_id}" if self.user_id is not None else self.name


SYSTEM = Actor(name="trustyard", role="admin", via="system")
LOCAL = Actor(name="command line", role="admin", via="local")
TOKEN, PROVIDER = "token:", "provider:"  # how the names of these actors begin


def of_user(user: models.User, address: str, via: Via = "console") -> Actor:
    """The actor behind a signed-in person."""
    requests.asked_by(user.username)
    return Actor(user.username, user.role, _named(user), address, via, user.pk)


def of_token(token: models.Token, address: str) -> Actor:
    """The actor behind an API token."""
    name = f"{TOKEN}{token.name}"
    requests.asked_by(name)
    return Actor(name, token.role, _named(token), address, "api")


def of_provider(name: str, address: str) -> Actor:
    """The company's sign-in provider, which makes accounts and says what their role is."""
    return Actor(f"{PROVIDER}{name}", "admin", None, address, "console")


def check_not_reserved(username: str) -> None:
    """Raises `Refused` for a username that looks like another kind of actor in the audit."""
    key = skeleton(username)
    if key.startswith((TOKEN, PROVIDER)) or key in (SYSTEM.name, LOCAL.name):
        sentence = f"Nobody can be named {username}: the audit names a token, a provider or Trustyard itself so."
        raise Refused(sentence, code="reserved-name", fields=[FieldError("username", sentence)])


def _named(holder: models.User | models.Token) -> frozenset[str] | None:
    # Only operators are bound to environments (D-24); for the others the list has no meaning.
    if holder.role != "operator":
        return None
    names = frozenset(holder.environments.values_list("name", flat=True))
    return names or None
