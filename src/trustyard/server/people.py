"""Middleware for signed-in people: notes when a session was last used, and asks for a second factor that is missing."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import structlog
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from trustyard.actions import second_factors, sessions
from trustyard.api.problems import problem
from trustyard.errors import NotAllowed
from trustyard.models import User

log = structlog.get_logger(__name__)
Answer = Callable[[HttpRequest], HttpResponse]
REMEMBERED = 10_000
# Where a person without a second factor gets one, and the ways out.
OPEN = ("/account/", "/sign-in/", "/sign-out/", "/static/")


class SessionsSeen:
    """Middleware: notes the use of a session, once a minute; between two notes it costs no query."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        self._noted: OrderedDict[str, float] = OrderedDict()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Only what a sign-in made, and nothing that this very request began or ended.
        key = request.session.session_key
        if key and settings.SESSION_COOKIE_NAME in request.COOKIES and _methods(request):
            self._note(key)
        return response

    def _note(self, key: str) -> None:
        now = time.monotonic()
        if now - self._noted.get(key, -60.0) < 60:
            return
        self._noted.pop(key, None)  # so that it comes last; `move_to_end` fails where another thread let go of it
        self._noted[key] = now
        if len(self._noted) > REMEMBERED:
            self._noted.popitem(last=False)
        try:
            sessions.seen(key)
        except DatabaseError:  # nobody's page fails for it
            log.warning("sessions.not_noted", exc_info=True)


class SecondFactorFirst:
    """Middleware: redirects people who need a second factor and have none to the page that sets one up."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        off = settings.TRUSTYARD.identity.second_factor == "off"
        # Requests of programs do not come here: `ProgramsFirst` has answered them.
        if off or request.path.startswith(OPEN):
            return self.get_response(request)
        user = request.user
        if not isinstance(user, User) or not second_factors.missing(
            user, by_provider="socialaccount" in _methods(request)
        ):
            return self.get_response(request)
        if request.path.startswith("/api/"):
            sentence = "A session needs a second factor here, and this person has none."
            advice = "Set one up on the page under your name, or use a token."
            return problem(NotAllowed(sentence, code="second-factor-needed", advice=advice))
        return redirect(f"{reverse('account')}#second-factor")


def _methods(request: HttpRequest) -> set[str]:
    records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY) or []
    return {str(record.get("method")) for record in records}
