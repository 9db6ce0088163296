"""The page Trust Check: would an environment accept this server or client."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters

from trustyard.actions import environments, sources, trust_checks
from trustyard.actions.moments import moment_of
from trustyard.actions.permissions import require
from trustyard.actions.trust_checks import Asked, Checked
from trustyard.errors import FieldError, NotFound, Refused, TooLarge, TrustyardError, holds_private_key
from trustyard.web.page import actor_of, is_fragment, page, problems


@sensitive_post_parameters("password", "content")
@page("GET", "POST")
def index(request: HttpRequest) -> HttpResponse:
    """The form, and beneath it the answer to what it asks."""
    actor = actor_of(request)
    require(actor, "trust.check")
    context: dict[str, Any] = {"given": _shown_again(request)}
    if request.method == "POST":
        try:
            place = request.POST.get("environment", "")
            context |= _shown(trust_checks.check(actor, place, _asked(request)))
        except (NotFound, Refused, TooLarge) as error:
            context |= {"error": error, "problems": problems(error), "offered": _offered(error)}
    if is_fragment(request):
        return render(request, "trust/_answer.html", {**context, "fragment": True})
    places, named = list(environments.find(actor)), context["given"].get("environment", "")
    if request.method == "GET":  # of an address that names one that is gone nothing is asked of another
        chosen = environments.asked_or_first(actor, places, named)
    else:  # nor of a form; whoever presses Check again has chosen another one
        chosen = environments.named_or_first(places, named) if named else None
    context |= {"environments": places, "chosen": chosen}
    status = context["error"].status if "error" in context else 200
    return render(request, "trust/check.html", context, status=status)


def _shown_again(request: HttpRequest) -> QueryDict:
    given = (request.POST or request.GET).copy()
    if holds_private_key(given.get("content", "")):
        given["content"] = ""
    return given


def _asked(request: HttpRequest) -> Asked:
    given = request.POST
    return Asked(
        source=_source(request),
        choose=given.get("choose") or None,
        purpose=given.get("purpose") or "server",
        name=given.get("name", ""),
        moment=_moment(given.get("moment", "")),
        trust=given.get("trust", "").strip() or "all",
        state=given.get("state") or "saved",
    )


def _source(request: HttpRequest) -> sources.Source:
    given = request.POST
    match given.get("source"):
        case "connection":
            return sources.Connection(given.get("url", "").strip())
        case "file":
            file = request.FILES.get("file")
            if file is None:
                raise _missing("file", "Select a file.")
            return sources.FileGiven(file.name or "", file.read(), given.get("password") or None)
        case "paste":
            return sources.Paste(given.get("encoding") or "BASE64PEM", given.get("content", ""))
    raise _missing("source", "Choose a source.")


def _missing(field: str, sentence: str) -> Refused:
    return Refused(sentence, code="bad-fields", fields=[FieldError(field, sentence)])


def _moment(text: str) -> datetime | None:
    """What a browser's own field for moments sends has no zone: here it is UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return moment_of(text)  # refuses it by its name
    return moment_of(text) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _shown(checked: Checked) -> dict[str, Any]:
    return {
        "checked": checked,
        "remarks": checked.verdict.remarks[1:],
        "path": [_dated(step) for step in checked.path()],
    }


def _dated(step: dict[str, Any]) -> dict[str, Any]:
    return {**step, "not_after": datetime.fromisoformat(step["not_after"])}


def _offered(error: TrustyardError) -> list[dict[str, Any]]:
    """The certificates to choose from, where that is what was missing (D-08)."""
    offered: list[dict[str, Any]] = error.extra.get("certificates", [])
    return offered
