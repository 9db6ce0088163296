"""Users: accounts and API tokens."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from trustyard.actions import environments, found, tokens, users
from trustyard.actions.permissions import require
from trustyard.errors import Conflict, Refused, StaleVersion
from trustyard.models.people import ROLES
from trustyard.web.page import actor_of, go, page, problems


@page("GET")
def index(request: HttpRequest) -> HttpResponse:
    """Both lists."""
    actor = actor_of(request)
    return render(request, "users/list.html", {"users": users.find(actor), "tokens": tokens.find(actor)})


@page("GET", "POST")
def create(request: HttpRequest) -> HttpResponse:
    """A new account."""
    actor = actor_of(request)
    require(actor, "users.manage")  # told before the form is filled in
    context: dict[str, Any] = {}
    given = request.POST
    if request.method == "POST":
        try:
            row = users.create(
                actor, given.get("username", ""), password=given.get("password", ""), role=given.get("role", ""),
                environments=given.getlist("environments"),
            )  # fmt: skip
            return go(request, reverse("users"), f"The user {row.username} is made.")
        except (Refused, Conflict) as error:
            context = {"error": error, "problems": problems(error)}
    return _form(request, context)


@page("GET", "POST")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Role and environments of an account."""
    actor = actor_of(request)
    row = users.get_by_id(actor, pk)
    context: dict[str, Any] = {}
    given = request.POST
    if request.method == "POST":
        try:
            users.update(
                actor, row.username, role=given.get("role"), environments=given.getlist("environments"),
                if_match=given.get("version", ""),
            )  # fmt: skip
            return go(request, reverse("users"), f"The user {row.username} is saved.")
        except (Refused, Conflict, StaleVersion) as error:
            context = {"error": error, "problems": problems(error), "moved": isinstance(error, StaleVersion)}
            row = users.get_by_id(actor, pk) if context["moved"] else row
    context |= {"row": row, "stored": found.limits(row)}
    context |= {"version": users.version(row), "by_provider": users.of_provider(row)}
    return _form(request, context)


def _form(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    places = request.POST.getlist("environments") if request.method == "POST" else context.get("stored", [])
    context |= {
        "given": request.POST, "roles": ROLES, "places": places, "environments": environments.find(actor_of(request)),
    }  # fmt: skip
    return render(request, "users/form.html", context)


@page("GET", "POST")
def password(request: HttpRequest, pk: int) -> HttpResponse:
    """Sets somebody's password."""
    actor = actor_of(request)
    row = users.get_by_id(actor, pk)
    if row.pk == actor.user_id:
        return go(request, reverse("account"))
    context: dict[str, Any] = {"row": row}
    if request.method == "POST":
        try:
            users.set_password(actor, row.username, request.POST.get("password", ""))
            return go(request, reverse("users"), f"The password of {row.username} is set.")
        except Refused as error:
            context |= {"error": error, "problems": problems(error)}
    return render(request, "users/password.html", context)


@page("POST")
def active(request: HttpRequest, pk: int) -> HttpResponse:
    """Disables an account or enables it again: what the button said, whatever the account is by now."""
    actor = actor_of(request)
    row = users.get_by_id(actor, pk)
    if (to := request.POST.get("to")) not in ("enable", "disable"):
        raise Refused("Press Enable or Disable.")
    switched = users.update(actor, row.username, active=to == "enable")
    said = "can sign in again" if switched.is_active else "cannot sign in any more"
    return go(request, reverse("users"), f"{row.username} {said}.")
