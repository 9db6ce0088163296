"""One's own account: who one is here, one's password, second factors and sessions."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from trustyard.actions import second_factors, sessions, users
from trustyard.errors import FieldError, Refused, TooManyAttempts
from trustyard.models import User
from trustyard.web.page import actor_of, go, page, problems

from .errors import TOO_MANY
from .second_factors import key_possible
from .signin import note_failed


@page("GET", "POST")
def own(request: HttpRequest) -> HttpResponse:
    """The page under the user's name."""
    context: dict[str, object] = {}
    status = 200
    if request.method == "POST":
        try:
            return _change(request)
        except (Refused, TooManyAttempts) as error:
            throttled = isinstance(error, TooManyAttempts)
            if throttled or error.code == "wrong-password":
                note_failed(request, actor_of(request).name, "own password", throttled=throttled)
            context = {"error": error, "problems": problems(error)}
            status = 429 if throttled else 200
    user = request.user
    assert isinstance(user, User)
    factors = second_factors.of(user)
    context |= {
        "sessions": sessions.find(actor_of(request), user),
        "factors": factors,
        "has_app": any(one["type"] == "totp" for one in factors),
        "needed": second_factors.missing(user, by_provider=not user.has_usable_password()),
        "by_provider": users.of_provider(user),
        "key_possible": key_possible(request),
        "local": settings.TRUSTYARD.identity.local,
    }
    return render(request, "account/own.html", context, status=status)


def _change(request: HttpRequest) -> HttpResponse:
    new = request.POST.get("password", "")
    if new != request.POST.get("again", ""):
        sentence = "The two new passwords differ."
        raise Refused(sentence, code="bad-password", fields=[FieldError("again", sentence)])
    assert request.user.is_authenticated
    actor = actor_of(request)
    key = request.session.session_key
    current = request.POST.get("current", "")
    _count_attempt(request, current)
    row = users.set_password(actor, actor.name, new, current=current, keep=key)
    update_session_auth_hash(request, row)  # this session stays, under another key
    sessions.renamed(key, request.session.session_key)
    return go(request, reverse("account"), "The password is changed. Other sessions of yours have ended.")


def _count_attempt(request: HttpRequest, current: str) -> None:
    """Counts a wrong password with those of the sign-in and of confirming. Raises `TooManyAttempts`."""
    try:
        get_adapter().reauthenticate(request.user, current)
    except ValidationError:  # that it is wrong, the action says
        raise TooManyAttempts(TOO_MANY) from None
