"""Who is asking: a bearer token (RFC 6750), or a person signed in to the console."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.middleware.csrf import CsrfViewMiddleware

from trustyard.actions import actors, tokens
from trustyard.actions.actors import Actor
from trustyard.errors import NotAllowed, NotSignedIn
from trustyard.models import User

from .headers import bearer

_SEND = "Send `Authorization: Bearer <token>`."


def actor_of(request: HttpRequest) -> Actor:
    """The actor of this request. Raises `NotSignedIn`; `NotAllowed` when a console session writes without its token.

    A header that is there is what counts: a bad token never falls back to the session of the same browser.
    """
    given = request.META.get("HTTP_AUTHORIZATION")
    return _of_session(request) if given is None else _of_token(given, _address(request))


def _of_token(given: str, address: str) -> Actor:
    token = bearer(given)
    if not token:
        raise NotSignedIn("The header Authorization holds no bearer token.", advice=_SEND)
    actor = tokens.authenticate(token, address)
    if actor is None:
        raise NotSignedIn("This token is not known, or was revoked.", code="bad-token", advice="Use another token.")
    return actor


def _of_session(request: HttpRequest) -> Actor:
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        raise NotSignedIn("This needs a token, or a session of the console.", advice=_SEND)
    if not _meant(request):
        raise NotAllowed(
            "A session alone may not write here.",
            code="csrf-failed",
            advice="Send the header X-CSRFToken as the console does, or use a token.",
        )
    return actors.of_user(user, _address(request), via="api")


class _Csrf(CsrfViewMiddleware):
    """Django's own judgement, without the console's page about it."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponseForbidden:
        return HttpResponseForbidden(reason)


def _meant(request: HttpRequest) -> bool:
    """Whether this comes from a page of the console (CSRF); reading requests need no proof of that."""
    judge = _Csrf(lambda _: HttpResponse())
    request.csrf_processing_done = False  # type: ignore[attr-defined]  # the middleware passed over this view before
    judge.process_request(request)
    return judge.process_view(request, HttpResponse, (), {}) is None


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
