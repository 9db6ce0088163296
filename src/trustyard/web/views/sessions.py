"""Sessions: one's own ended on the account's page, and those of others by an administrator."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from trustyard.actions import second_factors, sessions, users
from trustyard.models import User
from trustyard.web.page import actor_of, go, page


@page("POST")
def end_own(request: HttpRequest, pk: int) -> HttpResponse:
    """One session of one's own."""
    assert isinstance(request.user, User)
    sessions.end(actor_of(request), request.user, pk)
    return go(request, reverse("account"), "The session has ended.")


@page("POST")
def end_others(request: HttpRequest) -> HttpResponse:
    """All of one's own but this one."""
    assert isinstance(request.user, User)
    ended = sessions.end_all(actor_of(request), request.user, but=request.session.session_key)
    return go(request, reverse("account"), _said(ended))


@page("GET", "POST")
def of_user(request: HttpRequest, pk: int) -> HttpResponse:
    """The sessions and second factors of a person; POST ends the sessions."""
    actor = actor_of(request)
    row = users.get_by_id(actor, pk)
    if request.method == "POST":
        return go(request, reverse("user-access", args=[pk]), _said(sessions.end_all(actor, row)))
    context = {"row": row, "sessions": sessions.find(actor, row), "factors": second_factors.of(row)}
    return render(request, "users/access.html", context)


@page("POST")
def end_of_user(request: HttpRequest, pk: int, session: int) -> HttpResponse:
    """One session of a person."""
    actor = actor_of(request)
    sessions.end(actor, users.get_by_id(actor, pk), session)
    return go(request, reverse("user-access", args=[pk]), "The session has ended.")


@page("POST")
def reset_factors(request: HttpRequest, pk: int) -> HttpResponse:
    """Takes the second factors of a person away."""
    actor = actor_of(request)
    row = users.get_by_id(actor, pk)
    second_factors.reset(actor, row.username)
    return go(request, reverse("user-access", args=[pk]), f"{row.username} has no second factor any more.")


def _said(ended: int) -> str:
    return "The session has ended." if ended == 1 else f"{ended or 'No'} sessions have ended."
