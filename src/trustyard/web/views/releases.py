"""Releases: the list, one release's page with Restore and Download, and the table Deployment that fills itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from trustyard import models
from trustyard.actions import delivery, differences, environments, releases, restoring
from trustyard.actions.actors import Actor
from trustyard.actions.certificates_read import numbers
from trustyard.actions.moments import whole_second
from trustyard.actions.permissions import require
from trustyard.actions.progress import taken_by
from trustyard.actions.waiting import Others
from trustyard.errors import Moved
from trustyard.pki.truststores import root_alias
from trustyard.web.deployed import Deployed, deployed, in_short
from trustyard.web.differences import MANY, side_by_side
from trustyard.web.downloads import download
from trustyard.web.page import actor_of, comparison, go, is_fragment, page
from trustyard.web.pages import Pages, Part

from .questions import into_dialogs

PER_PAGE = 25
_AT_ONCE = 500  # releases of one deploy that are shown: as many environments are taken at once


def of_address(request: HttpRequest, instead: list[int] | None = None) -> Deployed | None:
    """The deployment that the address names (`?releases=3,4`), else that of these releases."""
    return deployed(_ids(request.GET.get("releases", "")) or instead or [])


def _ids(text: str) -> list[int]:
    return [int(part) for part in text.split(",")[:_AT_ONCE] if _is_number(part)]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 15


def with_a_deploy(request: HttpRequest, others: list[Others]) -> HttpResponse:
    """What *Save and Deploy* of a form would put in force besides, below its buttons."""
    return render(request, "certificates/_besides.html", {"besides": others, "by": "Save and Deploy"})


@page("GET")
def deployment(request: HttpRequest) -> HttpResponse:
    """The table again, for htmx; nothing where it would be the same."""
    require(actor_of(request), "releases.read")
    given = request.GET
    since = given.get("since", "")
    begun = int(since) if _is_number(since) else None
    found = deployed(_ids(given.get("releases", "")), begun, given.get("page", ""))
    if found is not None and found.mark == given.get("shown"):
        return HttpResponse(status=204)
    response = render(request, "releases/_deployment.html", {"deployment": found})
    if "shown" in given:  # else a person turns its pages
        response["HX-Trigger"] = "deployment-moved"  # whatever else on the page speaks of these releases
    return response


@page("GET")
def index(request: HttpRequest) -> HttpResponse:
    """A row for each environment and release, newest first; or what was in force at a moment."""
    actor = actor_of(request)
    moment, problem = _moment(request.GET.get("at", ""))
    place = request.GET.get("environment") or None
    rows = releases.find_at(actor, place, moment) if moment else releases.find(actor, place)
    shown = Pages(rows.defer("content"), PER_PAGE).get_page(request.GET.get("page"))
    newest = {one.id for one in releases.latest_of_all().values()}
    page_of = list(shown.object_list)
    said = delivery.rows_of_all(page_of)
    listed = [
        {
            "release": release,
            "said": in_short(said[release.pk]),
            "in_force": release.pk in newest,
            "taken": taken_by(said[release.pk]),
        }
        for release in page_of
    ]
    context: dict[str, Any] = {"page": shown, "rows": listed, "at": moment, "problem": problem}
    if is_fragment(request):
        return render(request, "releases/_list.html", context)
    return render(request, "releases/list.html", {**context, "environments": environments.find(actor)})


def _moment(text: str) -> tuple[datetime | None, str]:
    try:
        moment = datetime.fromisoformat(text) if text else None
        given = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC) if moment else None
        return (whole_second(given, text) if given else None), ""
    except (ValueError, OverflowError):
        return None, "A moment has a date and a time, such as 2026-03-03T14:00."


@page("GET")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One release: what it changed and holds, what was left out and why, and what each node said."""
    actor = actor_of(request)
    release = _get(actor, pk)
    place = release.environment
    content = release.read()
    held = Part(request, "holds", content.entries)
    digests = [*(entry.sha256 for entry in held), *content.roots[:MANY]]
    names = dict(models.StoredCertificate.objects.filter(pk__in=digests).values_list("pk", "certificate_name"))
    there = numbers(entry.certificate for entry in held)
    compared = differences.compare(actor, place.name, release.number)
    in_force = release.number == place.last_number
    table = deployed([release.pk])
    context = {
        "release": release,
        "in_force": in_force,
        "taken": table.taken[release.pk] if table and in_force else "",
        "compared": compared,
        "before": place.releases.filter(number=compared.start or 0).values_list("pk", flat=True).first(),
        "difference": side_by_side(compared.json(), request),
        "held": held,
        "entries": [
            {"entry": entry, "name": names.get(entry.sha256, ""), "of": there.get(entry.certificate)} for entry in held
        ],
        "root_count": len(content.roots),
        "roots": [{"alias": root_alias(sha256), "name": names.get(sha256, "")} for sha256 in content.roots[:MANY]],
        "jwks": content.jwks,
        "left_out": Part(request, "left-out", content.left_out),
        "deployment": table,
    }
    return render(request, "releases/show.html", context)


def _get(actor: Actor, pk: int) -> models.Release:
    return get_object_or_404(releases.find(actor), pk=pk)


@page("GET")
def download_folder(request: HttpRequest, pk: int) -> HttpResponse:
    """The release as a folder in a ZIP archive."""
    actor = actor_of(request)
    release = _get(actor, pk)
    return download(differences.download(actor, release.environment.name, release.number))


@page("GET", "POST")
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog Restore Release: what comes back and what cannot; and what its Restore does."""
    actor = actor_of(request)
    release = _get(actor, pk)
    if request.method == "GET":
        return _restore_dialog(request, actor, release)
    given = request.POST
    place = release.environment.name
    try:
        done = restoring.restore(
            actor, place, release.number, note=given.get("note", ""), version=given.get("version", "")
        )
    except Moved:
        return _restore_dialog(request, actor, release, moved=True)
    said = f"Release {done.release.number} of {place} "
    said += f"has the content of release {release.number}." if done.created else "is in force already."
    return go(request, reverse("release", args=[done.release.pk]), said)


def _restore_dialog(
    request: HttpRequest, actor: Actor, release: models.Release, *, moved: bool = False
) -> HttpResponse:
    planned = restoring.preview(actor, release.environment.name, release.number)
    difference = side_by_side(planned.wanted.difference().json())
    place = release.environment
    compare = comparison(place.name, place.last_number, release.number)
    context = {"release": release, "planned": planned, "difference": difference, "moved": moved, "compare": compare}
    return into_dialogs(render(request, "releases/_restore.html", context))
