"""The preview of an environment's next release: what it changes, what its gateways will make of it, and Deploy."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from trustyard.actions import environments, preflight, releases
from trustyard.errors import Moved
from trustyard.web.differences import side_by_side
from trustyard.web.page import actor_of, confirmed, drawn_anew, go, is_fragment, page
from trustyard.web.pages import Part


@page("GET")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Nothing is written: the page says what Deploy would do."""
    return _shown(request, pk)


@page("POST")
def deploy(request: HttpRequest, pk: int) -> HttpResponse:
    """Puts what is saved in force; where a certificate goes, the policy may want the environment's name typed first.

    What the page showed is what is done: where something changed meanwhile, it is shown again.
    """
    actor = actor_of(request)
    place = environments.get_by_id(actor, pk)
    typed, version = request.POST.get("name"), request.POST.get("version")
    try:
        if typed != place.name:
            asks, version = preflight.asks(actor, place.name, version)
            if asks:
                return _ask(request, pk, "" if typed is None else f"This is not the name {place.name}.")
        done = releases.deploy(actor, place.name, version=version, confirm_restored=confirmed(request))
    except Moved as error:
        return _ask(request, pk, error=error)
    said = f"Release {done.release.number} of {place.name}" + ("." if done.created else " is in force already.")
    return go(request, reverse("environments"), said, [done.release])


def _ask(request: HttpRequest, pk: int, problem: str = "", error: Moved | None = None) -> HttpResponse:
    there = reverse("environment-preview", args=[pk])
    if "version" not in request.POST and is_fragment(request):
        return go(request, there)  # a button of another page
    request.path = there  # where more rows are to be had
    return drawn_anew(request, _shown(request, pk, problem=problem, error=error))


def _shown(request: HttpRequest, pk: int, **more: Any) -> HttpResponse:
    actor = actor_of(request)
    place = environments.get_by_id(actor, pk)
    judged = preflight.preview(actor, place.name)
    found = judged.json()
    context = {
        "place": place,
        "preview": found,
        "notes": Part(request, "notes", judged.notes),
        "errors": Part(request, "errors", found["findings"]),
        "left_out": Part(request, "left-out", found["left_out"]),
        "difference": side_by_side(found["difference"], request),
        "nothing": f"Nothing would change{' but what is left out' if found['left_out_alone'] else ''}.",
        "version": judged.version,
        **more,
    }
    return render(request, "environments/preview.html", context)
