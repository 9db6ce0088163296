"""One's own account: who one is here, and one's own password."""

from __future__ import annotations

from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from trustyard.actions import users
from trustyard.errors import FieldError, Refused
from trustyard.web.page import actor_of, go, page, problems


@page("GET", "POST")
def own(request: HttpRequest) -> HttpResponse:
    """The page under the user's name."""
    context: dict[str, object] = {}
    if request.method == "POST":
        try:
            return _change(request)
        except Refused as error:
            context = {"error": error, "problems": problems(error)}
    return render(request, "account/own.html", context)


def _change(request: HttpRequest) -> HttpResponse:
    new = request.POST.get("password", "")
    if new != request.POST.get("again", ""):
        sentence = "The two new passwords differ."
        raise Refused(sentence, code="bad-password", fields=[FieldError("again", sentence)])
    assert request.user.is_authenticated
    actor = actor_of(request)
    row = users.set_password(actor, actor.name, new, current=request.POST.get("current", ""))
    update_session_auth_hash(request, row)  # this session stays; all others of this person end
    return go(request, reverse("account"), "The password is changed. Other sessions of yours have ended.")
