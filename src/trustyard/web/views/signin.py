"""Sign in and sign out: allauth's own, with our page and 429 for too many attempts."""

from __future__ import annotations

from typing import Any

import structlog
from allauth.account.views import LoginView
from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from trustyard.pki.readable import visible
from trustyard.web.page import NOT_TAKEN, wrong_method

from .errors import TOO_MANY

log = structlog.get_logger(__name__)
LONGEST_NAME = 150  # characters
OFF = "Passwords are switched off here (TRUSTYARD_LOCAL_SIGN_IN). Use the company's sign-in."
NOT_TAKEN_SENTENCE = "You were signed out meanwhile, so what you sent was not taken. Sign in and send it again."
REFUSED = "The username or the password is not correct."


class SignIn(LoginView):  # type: ignore[misc]  # allauth comes without types
    """allauth shows a throttled sign-in as a form error; here it is 429, in the same words for every user name."""

    template_name = "account/login.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST" and not settings.TRUSTYARD.identity.local:
            note_failed(request, request.POST.get("login", ""), "passwords are off")
            return render(request, self.template_name, _ways() | {"problem": OFF}, status=403)
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        # The limit per address answers before the form is looked at, with a bare page of allauth's.
        if response.status_code == 429 and not hasattr(response, "template_name"):
            note_failed(request, request.POST.get("login", ""), "password", throttled=True)
            return render(request, self.template_name, _ways() | {"problem": TOO_MANY}, status=429)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = {**super().get_context_data(**kwargs), **_ways()}
        if NOT_TAKEN in self.request.GET and self.request.method == "GET":
            context["problem"] = NOT_TAKEN_SENTENCE
        return context

    def form_invalid(self, form: Any) -> HttpResponse:
        codes = {error.code for error in form.errors.as_data().get(NON_FIELD_ERRORS, [])}
        throttled = "too_many_login_attempts" in codes
        problem, name = TOO_MANY if throttled else REFUSED, form.data.get("login", "")
        note_failed(self.request, name, "password", throttled=throttled)
        context = self.get_context_data(form=form, problem=problem, username=name[:LONGEST_NAME])
        response: HttpResponse = self.render_to_response(context, status=429 if throttled else 200)
        return response


def note_failed(request: HttpRequest, name: str, reason: str, *, throttled: bool = False) -> None:
    """A line of the log for whoever looks for guesses: the name as it was given, and never what was guessed."""
    given = visible(name[:LONGEST_NAME])
    address = request.META.get("REMOTE_ADDR", "")
    log.info("sign_in.failed", name=given, address=address, reason=reason, throttled=throttled)


def _ways() -> dict[str, Any]:
    identity = settings.TRUSTYARD.identity
    return {"local": identity.local, "provider": identity.provider}


sign_in = SignIn.as_view()


def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends the session."""
    if request.method != "POST":
        return wrong_method(request, ["POST"])
    logout(request)
    return redirect(reverse("account_login"))
