"""Environments: the list, the form with root set and policy, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from trustyard import models
from trustyard.actions import delivery, environments, releases, roots, waiting
from trustyard.actions.actors import Actor
from trustyard.actions.permissions import require
from trustyard.actions.progress import taken_by
from trustyard.errors import Conflict, Refused, StaleVersion
from trustyard.gateways import policies
from trustyard.gateways.policies import Policy
from trustyard.web import opened
from trustyard.web.deleted import begins_anew
from trustyard.web.page import actor_of, go, is_fragment, page, problems
from trustyard.web.pages import Pages

from . import promotion
from .questions import into_dialogs
from .releases import of_address

PER_PAGE = 25  # what waits in each is worked out anew
AT_ONCE = 5_000  # certificates for which that is done before the page comes; with more each row asks for its own
# The values of each question, from the schema that REST has too.
_CHOICES = {name: one["enum"] for name, one in Policy.model_json_schema()["properties"].items()}


@page("GET")
def index(request: HttpRequest) -> HttpResponse:
    """All environments: what is in each, and whether a deploy would change anything."""
    actor = actor_of(request)
    given = request.GET
    q = given.get("q", "")
    shown = Pages(environments.find(actor, q=q), PER_PAGE).get_page(given.get("page"))
    context: dict[str, Any] = {"page": shown, "rows": _rows(actor, list(shown.object_list)), "filtered": bool(q)}
    if is_fragment(request):
        return render(request, "environments/_list.html", context)
    return render(request, "environments/list.html", {**context, "deployment": of_address(request)})


def _rows(actor: Actor, places: list[models.Environment]) -> list[dict[str, Any]]:
    by_place = _newest(places)
    said = delivery.rows_of_all(list(by_place.values()))
    entries, gateways = _counted(models.Entry, places), _counted(models.Gateway, places)
    into = {place.name for place in promotion.targets(actor, environments.find(actor))}
    later = sum(entries.values()) > AT_ONCE
    waits = {} if later else waiting.differing(places, by_place)
    return [
        {
            "place": place,
            "entries": entries.get(place.pk, 0),
            "gateways": gateways.get(place.pk, 0),
            "waits": waits.get(place.pk),
            "later": later,
            "newest": by_place.get(place.pk),
            "taken": taken_by(said[by_place[place.pk].pk]) if place.pk in by_place else "",
            "promotes": bool(into - {place.name}),
        }
        for place in places
    ]


def _newest(places: Sequence[models.Environment]) -> dict[int, models.Release]:
    return {release.environment_id: release for release in releases.latest_of(places).defer("content")}


@page("GET")
def waits(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether changes wait in one environment, for its row in the list."""
    place = environments.get_by_id(actor_of(request), pk)
    found = waiting.differing([place], _newest([place]))
    return render(request, "environments/_waits.html", {"waits": found.get(place.pk)})


def _counted(model: type[models.Entry | models.Gateway], places: Sequence[models.Environment]) -> dict[int, int]:
    # Each by itself: a query with both would read every entry as often as there are gateways.
    rows = model.objects.order_by().filter(environment__in=places).values_list("environment_id")
    return dict(rows.annotate(Count("pk")))


@page("GET", "POST")
def create(request: HttpRequest) -> HttpResponse:
    """The form for a new environment."""
    actor = actor_of(request)
    require(actor, "environments.write")  # told before the form is filled in
    context: dict[str, Any] = {}
    if request.method == "POST" and not begins_anew(request):
        try:
            place = environments.create(
                actor, name=request.POST.get("name", ""), type=request.POST.get("type", "test"),
                description=opened.description(request), root_set=_roots(request),
                deny_list=_deny_list(request), policy=_policy(request), publish_truststore=_published(request),
            )  # fmt: skip
            return go(request, reverse("environments"), _said(place, "made"))
        except (Refused, Conflict) as error:
            context |= _wrong(request, error)
    form = opened.shown(request, "", {"name": "", **_values(models.Environment())})
    context |= {"form": form, "file": _file(request), "policy_choices": _CHOICES}
    return render(request, "environments/form.html", context)


@page("GET", "POST")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The form of an environment; who may not change it sees it."""
    actor = actor_of(request)
    place = environments.get_by_id(actor, pk)
    context: dict[str, Any] = {}
    moved = False
    if request.method == "POST":
        try:
            place = environments.update(
                actor, place.name, if_match=request.POST.get("etag", ""), type=request.POST.get("type"),
                description=opened.description(request), root_set=_roots(request),
                deny_list=_deny_list(request), policy=_policy(request), publish_truststore=_published(request),
            )  # fmt: skip
            return go(request, reverse("environment", args=[pk]), _said(place, "saved"))
        except StaleVersion:
            moved, place = True, environments.get_by_id(actor, pk)
            context |= {"error": opened.overtaken("environment"), "stored_at": reverse("environment", args=[pk])}
        except (Refused, Conflict) as error:
            context |= _wrong(request, error)
    file = _file(request)
    form = opened.shown(request, place.etag, _values(place), moved=moved, touched=["root_set"] if file else [])
    held = {root.sha256: root for root in roots.mozilla()} if place.deny_list else {}
    context |= {
        "place": place,
        "form": form,
        "file": file,
        "root_count": roots.count(place),
        "denied": [
            (sha256, held[sha256].facts.certificate_name if sha256 in held else "") for sha256 in place.deny_list
        ],
        "deployment": of_address(request),
        "policy_choices": _CHOICES,
        **_in_it(place),
    }
    return render(request, "environments/form.html", context)


def _said(place: models.Environment, done: str) -> str:
    return " ".join([f"The environment {place.name} is {done}.", *(notice.message for notice in place.notices)])


def _in_it(place: models.Environment) -> dict[str, Any]:
    """What stands at the top of its page: the release in force, what waits, and how much of what else belongs to it."""
    newest, said = delivery.in_force(place) or (None, [])
    counted = (
        ("certificates", "certificate", "file-badge", place.entries.count()),  # an environment has one entry of each
        ("jwks", "JWK", "file-key", place.jwks.count()),
        ("gateways", "gateway", "server", place.gateways.count()),
        ("releases", "release", "package", place.releases.count()),
    )
    leads = [
        {"to": reverse(name), "word": word, "symbol": symbol, "count": count} for name, word, symbol, count in counted
    ]
    waits = waiting.differing([place], {place.pk: newest} if newest else {}).get(place.pk)
    return {"newest": newest, "taken": taken_by(said), "waits": waits, "leads": leads}


def _values(place: models.Environment) -> dict[str, str]:
    """What the form sends where nobody touches it."""
    policy = policies.of(place.policy, place.type).model_dump()
    return {
        "type": place.type,
        "description": place.description,
        "root_set": place.root_set,
        "deny_list": "\n".join(place.deny_list),
        "publish_truststore": "on" if place.publish_truststore else "",
        **{f"policy_{name}": value for name, value in policy.items()},
    }


def _file(request: HttpRequest) -> str:
    """The name of the file that was sent as the root set: a form that comes back cannot keep it."""
    file = request.FILES.get("bundle")
    return str(file.name) if file is not None and request.POST.get("root_set") == "uploaded" else ""


def _roots(request: HttpRequest) -> str | bytes:
    kind, file = request.POST.get("root_set", "none"), request.FILES.get("bundle")
    return bytes(file.read()) if kind == "uploaded" and file is not None else kind


def _wrong(request: HttpRequest, error: Refused | Conflict) -> dict[str, Any]:
    """The refusal; what is wrong with an uploaded root set stands at its file."""
    found = {field.replace(".", "_"): said for field, said in problems(error).items()}
    if request.POST.get("root_set") == "uploaded" and "root_set" in found:
        found["bundle"] = found.pop("root_set")
    return {"error": error, "problems": found}


def _policy(request: HttpRequest) -> dict[str, str]:
    return {name: given for name in _CHOICES if (given := request.POST.get(f"policy_{name}", ""))}


def _published(request: HttpRequest) -> bool:
    return request.POST.get("publish_truststore") == "on"


def _deny_list(request: HttpRequest) -> list[str]:
    return request.POST.get("deny_list", "").split()


@page("GET", "POST")
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog Delete Environment, and what its Delete does."""
    actor = actor_of(request)
    place = environments.get_by_id(actor, pk)
    if request.method == "GET":
        require(actor, "environments.write")
        return into_dialogs(render(request, "environments/_delete.html", {"place": place}))
    try:
        environments.delete(actor, place.name, if_match=request.POST.get("etag", ""))
    except StaleVersion:
        context = {"place": environments.get_by_id(actor, pk), "moved": True}
        return into_dialogs(render(request, "environments/_delete.html", context))
    return go(request, reverse("environments"), f"The environment {place.name} is deleted.")
