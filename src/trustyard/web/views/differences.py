"""Compare: any two releases of an environment side by side, or a release and what is saved."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from trustyard import models
from trustyard.actions import differences, environments, releases
from trustyard.actions.actors import Actor
from trustyard.errors import NotFound
from trustyard.web.differences import side_by_side
from trustyard.web.page import actor_of, is_fragment, page

MOST = 500  # so many releases can be chosen, and an older one that the address names: that of a link


@page("GET")
def compare(request: HttpRequest) -> HttpResponse:
    """Two selects and the difference; by default from what is in force to what is saved."""
    actor = actor_of(request)
    places = list(environments.find(actor))
    place = environments.asked_or_first(actor, places, request.GET.get("environment", ""))
    context: dict[str, Any] = {"environments": places, "place": place, "fragment": is_fragment(request)}
    if place is not None:
        context |= _compared(request, actor, place)
    return render(request, "releases/_compared.html" if is_fragment(request) else "releases/compare.html", context)


def _compared(request: HttpRequest, actor: Actor, place: models.Environment) -> dict[str, Any]:
    start, end, q = (request.GET.get(name, "") for name in ("from", "to", "q"))
    rows = releases.find(actor, place.name).order_by("-number").only("number", "created_at", "environment")
    numbers = list(rows[:MOST])
    if not numbers:
        return {"numbers": []}
    asked = {int(text) for text in (start, end) if text.isascii() and text.isdigit() and len(text) < 10}
    numbers += rows.filter(number__in=asked, number__lt=numbers[-1].number)
    known = {str(row.number) for row in numbers}
    first = start if start in known else str(numbers[0].number)  # the select of another environment may say more
    last = end if end in known else differences.SAVED
    context: dict[str, Any] = {"numbers": numbers, "start": int(first), "end": int(last) if last in known else last}
    try:
        if last == differences.SAVED:
            found = differences.compare(actor, place.name, int(first), differences.SAVED)
        else:
            found = differences.compare(actor, place.name, int(last), first)
    except NotFound as gone:  # the environment was deleted meanwhile
        return {**context, "problem": gone.sentence}
    was = f"Release {first}"
    becomes = "Saved" if last == differences.SAVED else f"Release {last}"
    return {**context, "difference": side_by_side(found.json(), request, q=q), "was": was, "becomes": becomes}
