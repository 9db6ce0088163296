"""The page Promote: what would go from one environment into another, shown first, then done in one step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from trustyard import models
from trustyard.actions import environments, promotion
from trustyard.actions.actors import Actor
from trustyard.actions.certificates import JwkAnswer
from trustyard.actions.permissions import allowed, require
from trustyard.errors import Conflict, JwkConnection, NotAllowed, NotFound, Refused, Restored, TrustyardError
from trustyard.pki.sentences import plural
from trustyard.web.differences import side_by_side
from trustyard.web.page import actor_of, confirmed, go, is_fragment, page

_UNDECIDED = "Say what becomes of the JWKs of each certificate, or leave the certificate out."


@page("GET", "POST")
def promote(request: HttpRequest) -> HttpResponse:
    """GET shows the difference, POST does it; a refusal comes back on the page, with the difference as it is now."""
    actor = actor_of(request)
    require(actor, "certificates.write")
    places = list(environments.find(actor))
    start, target = _ends(request, places, targets(actor, places))
    if request.method == "POST":
        try:
            return _promote(request, actor, start, target)
        except Restored:
            raise  # the page asks for all views alike
        except JwkConnection:
            error: TrustyardError = Refused(_UNDECIDED, code="refused")
        except (Conflict, Refused, NotFound) as refused:
            error = refused
        return _page(request, actor, places, start, target, error)
    return _page(request, actor, places, start, target)


def targets(actor: Actor, places: Iterable[models.Environment]) -> list[models.Environment]:
    """Those into which the actor may promote."""
    return [place for place in places if allowed(actor, "certificates.write", [place.name])]


def _ends(
    request: HttpRequest, places: Sequence[models.Environment], into: Sequence[models.Environment]
) -> tuple[str, str]:
    """The two environments of the address; left out: from the first of tests to the first other one that one may."""
    tests_first = sorted(places, key=lambda place: place.type != "test")
    names = [place.name for place in tests_first if any(one.name != place.name for one in into)]
    start = request.GET.get("from") or next(iter(names), "")
    others = [place for place in into if place.name != start]
    others.sort(key=lambda place: place.type != "production")
    return start, request.GET.get("to") or next((place.name for place in others), "")


def _promote(request: HttpRequest, actor: Actor, start: str, target: str) -> HttpResponse:
    given = request.POST
    if not given.getlist("certificate"):
        raise Refused("Choose at least one certificate.", code="refused")
    done = promotion.promote(
        actor,
        target,
        source=start,
        names=given.getlist("certificate"),
        answers=_answers(request),
        version=given.get("version", ""),
        deploy=given.get("deploy") == "yes",
        note=given.get("note", ""),
        confirm_restored=confirmed(request),
    )
    count = len(done.steps)
    said = f"{plural(count, 'certificate')} of {start} {'is' if count == 1 else 'are'} in {target} now"
    said += "." if done.releases else ", saved and not deployed yet."
    return go(request, reverse("environments"), said, done.releases)


def _answers(request: HttpRequest) -> dict[str, JwkAnswer]:
    given = request.POST
    return {
        name: JwkAnswer(
            action=given.get(f"asked-action-{index}"),
            confirm=given.get(f"asked-confirm-{index}", ""),
            version=given.get(f"asked-version-{index}", ""),
        )
        for index, name in enumerate(given.getlist("asked"))
    }


def _page(
    request: HttpRequest,
    actor: Actor,
    places: Sequence[models.Environment],
    start: str,
    target: str,
    error: TrustyardError | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {"environments": places, "targets": targets(actor, places)}
    context |= {"start": start, "target": target}
    if start and target and start != target:
        try:
            seen, taken = _preview(actor, start, target)
            context |= _shown(request, seen.json())
            error = error or taken
        except (Conflict, Refused, NotFound, NotAllowed) as refused:
            error = error or refused
    context |= {"error": error, "note": request.POST.get("note", "")}
    status = error.status if error and not is_fragment(request) else 200
    return render(request, "environments/promote.html", context, status=status)


def _preview(actor: Actor, start: str, target: str) -> tuple[promotion.Promotion, Conflict | None]:
    """What promoting all would do; where aliases are taken, the others, and the refusal."""
    try:
        return promotion.preview(actor, target, source=start), None
    except Conflict as refused:
        if refused.code != "alias-taken":
            raise
        taken = {at.field.removeprefix("certificates.") for at in refused.fields}
        held = models.Certificate.objects.filter(entries__environment__name=start).values_list("name", flat=True)
        return promotion.preview(
            actor, target, source=start, names=[name for name in held if name not in taken]
        ), refused


def _shown(request: HttpRequest, seen: dict[str, Any]) -> dict[str, Any]:
    posted = request.method == "POST"
    chosen = request.POST.getlist("certificate")
    answers = _answers(request)
    for step in seen["certificates"]:
        step["chosen"] = not posted or step["certificate"] in chosen
    for question in seen["jwk_connection"]:
        answer = answers.get(question["certificate"])
        question["action"] = answer.action if answer else None
        question["confirm"] = answer.confirm if answer else ""
        question["blocked"] = [jwk["name"] for jwk in question["jwks"] if jwk["problem"]]
    return {
        "shown": seen,
        "difference": side_by_side(seen["difference"]),
        "waiting": side_by_side(seen["waiting"]),
        "questions": seen["jwk_connection"],
    }
