"""API tokens: made and shown once, revoked."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from trustyard.actions import environments, tokens
from trustyard.actions.permissions import require
from trustyard.errors import Conflict, Refused
from trustyard.models.people import ROLES
from trustyard.web.page import actor_of, go, page, problems


@page("GET", "POST")
def create(request: HttpRequest) -> HttpResponse:
    """A new token. Its secret is in this one answer and nowhere else."""
    actor = actor_of(request)
    require(actor, "tokens.manage")  # told before the form is filled in
    given = request.POST
    context: dict[str, Any] = {"given": given, "roles": ROLES, "places": given.getlist("environments")}
    if request.method == "POST":
        try:
            token, secret = tokens.create(
                actor, given.get("name", ""), role=given.get("role", ""), environments=given.getlist("environments"),
                expires=given.get("expires", ""),
            )  # fmt: skip
            return render(request, "users/token_made.html", {"token": token, "secret": secret})
        except (Refused, Conflict) as error:
            context |= {"error": error, "problems": problems(error)}
    context |= {"environments": environments.find(actor), "days": settings.TRUSTYARD.identity.token_days}
    return render(request, "users/token_form.html", context)


@page("GET")
def made(request: HttpRequest, pk: int) -> HttpResponse:
    """What a reload of that answer leads to: the token was shown, and is not kept."""
    return render(request, "users/token_made.html", {"token": get_object_or_404(tokens.find(actor_of(request)), pk=pk)})


@page("POST")
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Ends a token at once."""
    actor = actor_of(request)
    row = get_object_or_404(tokens.find(actor), pk=pk)
    tokens.revoke(actor, row.name)
    return go(request, reverse("users"), f"The token {row.name} is revoked.")
