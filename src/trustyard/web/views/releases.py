"""Releases: the list, one release's page, and the table Deployment that fills in by itself."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from trustyard import models
from trustyard.actions import delivery, environments, releases
from trustyard.pki.truststores import root_alias
from trustyard.web.page import actor_of, page

_FILLS_FOR = 120  # how often the table asks again before it waits for a reload
PER_PAGE = 25


def of_address(request: HttpRequest, instead: list[int] | None = None) -> dict[str, Any] | None:
    """The deployment that the address names (`?releases=3,4`), else that of these releases."""
    given = request.GET.get("releases", "")
    ids = [int(part) for part in given.split(",")[:50] if part.isascii() and part.isdigit() and len(part) < 15]
    return of_releases(ids or instead or [])


def of_releases(ids: list[int], asked: int = 0) -> dict[str, Any] | None:
    """What the fragment `_deployment.html` shows; None where there is nothing to show."""
    if not ids:
        return None
    found = delivery.deployment(ids)["environments"]
    settled = delivery.settled(ids)
    address = ",".join(str(one) for one in ids)
    return {"environments": found, "settled": settled or asked >= _FILLS_FOR, "ids": address, "asked": asked + 1}


@page("GET")
def deployment(request: HttpRequest) -> HttpResponse:
    """The table again, for htmx."""
    actor = actor_of(request)
    releases.find(actor)  # asks for the permission
    asked = request.GET.get("asked", "")
    ids = [int(part) for part in request.GET.get("releases", "").split(",")[:50] if part.isascii() and part.isdigit()]
    context = {"deployment": of_releases(ids, int(asked) if asked.isascii() and asked.isdigit() else 0)}
    return render(request, "releases/_deployment.html", context)


@page("GET")
def index(request: HttpRequest) -> HttpResponse:
    """A row for each environment and release, newest first."""
    actor = actor_of(request)
    rows = releases.find(actor, request.GET.get("environment") or None)
    shown = Paginator(rows.defer("content"), PER_PAGE).get_page(request.GET.get("page"))
    listed = [{"release": release, "states": delivery.rows_of(release)} for release in shown.object_list]
    context = {"page": shown, "rows": listed, "environments": environments.find(actor)}
    return render(request, "releases/list.html", context)


@page("GET")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One release: what it holds, what was left out and why, and what each node said."""
    release = get_object_or_404(releases.find(actor_of(request)), pk=pk)
    content = release.read()
    digests = {entry.sha256 for entry in content.entries} | set(content.roots)
    names = dict(models.StoredCertificate.objects.filter(pk__in=digests).values_list("pk", "certificate_name"))
    context = {
        "release": release,
        "entries": [{"entry": entry, "name": names.get(entry.sha256, "")} for entry in content.entries],
        "roots": [{"alias": root_alias(sha256), "name": names.get(sha256, "")} for sha256 in content.roots],
        "jwks": content.jwks,
        "left_out": content.left_out,
        "deployment": of_releases([release.pk]),
    }
    return render(request, "releases/show.html", context)
