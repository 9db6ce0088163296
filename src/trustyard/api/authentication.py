"""Who is asking: a bearer token (RFC 6750), or a person signed in to the console."""

from __future__ import annotations

from django.http import HttpRequest
from ninja.utils import check_csrf

from trustyard.actions import actors, tokens
from trustyard.actions.actors import Actor
from trustyard.errors import NotAllowed, NotSignedIn
from trustyard.models import User

_SEND = "Send `Authorization: Bearer <token>`."


def actor_of(request: HttpRequest) -> Actor:
    """The actor of this request. Raises `NotSignedIn`; `NotAllowed` when a console session writes without its token.

    A header that is there is what counts: a bad token never falls back to the session of the same browser.
    """
    given = request.headers.get("Authorization")
    return _of_session(request) if given is None else _of_token(given, _address(request))


def _of_token(given: str, address: str) -> Actor:
    scheme, _, secret = given.strip().partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotSignedIn("The header Authorization holds no bearer token.", advice=_SEND)
    actor = tokens.authenticate(secret.strip(), address)
    if actor is None:
        raise NotSignedIn("This token is not known, or was revoked.", code="bad-token", advice="Use another token.")
    return actor


def _of_session(request: HttpRequest) -> Actor:
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        raise NotSignedIn("This needs a token, or a session of the console.", advice=_SEND)
    if check_csrf(request) is not None:
        raise NotAllowed(
            "A session alone may not write here.",
            code="csrf-failed",
            advice="Send the header X-CSRFToken as the console does, or use a token.",
        )
    return actors.of_user(user, _address(request), via="api")


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
