"""Compare: an entry with what its server presents now, with another entry, or with a file or a text."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters

from trustyard import models
from trustyard.actions import comparing, environments, sources
from trustyard.actions.actors import Actor
from trustyard.actions.permissions import require
from trustyard.errors import ChoiceNeeded, NotFound, Refused, TooLarge
from trustyard.web.page import actor_of, is_fragment, page

_TO_CHOOSE = {
    "entry": "Name the certificate to compare with.",
    "file": "Select the file to compare with.",
    "paste": "Paste the certificate to compare with.",
}
_OFFERED = 500  # names that the list proposes; any other can be typed


@page("GET")
def show(request: HttpRequest) -> HttpResponse:
    """The page; with `with` and `environment` in its address the comparison of two stored entries too."""
    actor = actor_of(request)
    left = _left(actor, request.GET.get("left", ""))
    names = models.Certificate.objects.order_by("name_key").values_list("name", flat=True)
    places, named = list(environments.find(actor)), request.GET.get("environment", "")
    context: dict[str, Any] = {
        "left": left,
        "names": names[:_OFFERED],
        "environments": places,
        "chosen": environments.named_or_first(places, named),
        "other": request.GET.get("with", ""),
    }
    if left is not None and context["other"]:
        context |= _compared(actor, left, comparing.Stored(context["other"], named))
    return render(request, "certificates/compare.html", context)


@sensitive_post_parameters("password", "content")
@page("POST")
def now(request: HttpRequest) -> HttpResponse:
    """The comparison that the form asks for. It may connect: this address has threads of its own."""
    actor = actor_of(request)
    given = request.POST
    left = _left(actor, given.get("left", ""))
    if left is None:
        raise NotFound("Nothing is chosen to compare.")
    context = {"left": left, "fragment": is_fragment(request), **_asked(actor, left, request)}
    response = render(request, "certificates/_comparison.html", context)
    if given.get("side") == "entry" and "compared" in context:
        query = {"left": left.pk, "with": given.get("with", ""), "environment": given.get("environment", "")}
        response["HX-Push-Url"] = f"{reverse('compare')}?{urlencode(query)}"
    return response


def _left(actor: Actor, pk: str) -> models.Entry | None:
    if not (pk.isascii() and pk.isdigit() and len(pk) < 10):
        return None
    require(actor, "certificates.read")
    return models.Entry.objects.select_related("certificate", "environment").filter(pk=int(pk)).first()


def _asked(actor: Actor, left: models.Entry, request: HttpRequest) -> dict[str, Any]:
    given = request.POST
    chosen = given.get("choose") or None
    match given.get("side"):
        case "live":
            return _compared(actor, left, comparing.Stored(left.certificate.name, left.environment.name, live=True))
        case "entry" if name := given.get("with", "").strip():
            return _compared(actor, left, comparing.Stored(name, given.get("environment", "")))
        case "file" if (file := request.FILES.get("file")) is not None:
            read = sources.FileGiven(file.name or "", file.read(), given.get("password") or None)
            return _compared(actor, left, comparing.Given(read, chosen))
        case "paste" if text := given.get("content", "").strip():
            encoding = "BASE64PEM" if "-----BEGIN" in text else "BASE64"
            return _compared(actor, left, comparing.Given(sources.Paste(encoding, text), chosen))
    return {"error": Refused(_TO_CHOOSE.get(given.get("side", ""), "Choose what to compare with."))}


def _compared(actor: Actor, left: models.Entry, right: comparing.Side) -> dict[str, Any]:
    stored = comparing.Stored(left.certificate.name, left.environment.name)
    try:
        return {"compared": comparing.compare(actor, stored, right)}
    except ChoiceNeeded as error:
        return {"choice": error.extra["certificates"], "told": error.extra["notices"]}
    except (Refused, TooLarge) as error:
        return {"error": error}
