"""Gateways: the list, the form, one gateway's page with nodes and receipts, its bootstrap, delete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from trustyard import models
from trustyard.actions import environments, fleet, gateways, twins
from trustyard.actions.permissions import allowed, require
from trustyard.errors import Conflict, FieldError, NotFound, Refused, StaleVersion, TrustyardError
from trustyard.gateways.kinds import KINDS
from trustyard.web import opened, options
from trustyard.web.deleted import begins_anew
from trustyard.web.page import actor_of, go, is_fragment, page, problems
from trustyard.web.pages import Pages

from .questions import into_dialogs

PER_PAGE = 50
RECEIPTS = 20


@page("GET")
def index(request: HttpRequest) -> HttpResponse:
    """The list, with the worst that a gateway's nodes last said of its environment's newest release."""
    actor = actor_of(request)
    given = request.GET
    rows, said = fleet.find(actor, given.get("environment") or None, q=given.get("q", "")), None
    if state := given.get("state"):
        rows, said = fleet.in_state(rows, state)
    shown = Pages(rows, PER_PAGE).get_page(given.get("page"))
    if said is None:
        said = fleet.worst(shown.object_list)
    context: dict[str, Any] = {
        "page": shown,
        "rows": [{"gateway": row, "kind": _title(row.kind), "word": said.get(row.pk)} for row in shown.object_list],
    }
    if is_fragment(request):
        return render(request, "gateways/_list.html", context)
    context |= {"environments": environments.find(actor), "states": fleet.STATES}
    return render(request, "gateways/list.html", context)


def _title(kind: str) -> str:
    return KINDS[kind].title if kind in KINDS else kind


@page("GET", "POST")
def create(request: HttpRequest) -> HttpResponse:
    """The form for a new gateway; its options follow the kind that is chosen."""
    actor = actor_of(request)
    require(actor, "gateways.write")  # told before the form is filled in
    typed = request.POST or request.GET
    kind = typed.get("kind") or next(iter(KINDS))
    context: dict[str, Any] = {"given": request.POST, "kind": kind}
    if request.method == "POST" and not begins_anew(request):
        try:
            row = gateways.create(
                actor,
                _chosen(typed.get("environment", "")),
                name=typed.get("name", ""),
                kind=kind,
                options=options.given(kind, typed),
            )
            return go(request, reverse("gateway", args=[row.pk]), f"The gateway {row.name} is made.")
        except (Refused, Conflict, NotFound) as error:
            context |= _wrong(request, kind, error)
    form = opened.shown(request, "", options.values(kind, {}))
    context["controls"] = _controls(kind, form.values, context.get("problems", {}))
    if is_fragment(request):
        return render(request, "gateways/_options.html", context)
    places = [place for place in environments.find(actor) if allowed(actor, "gateways.write", [place.name])]
    named = typed.get("environment", "")
    chosen = environments.named_or_first(places, named)
    if named and places and chosen is None:  # whoever presses Save has chosen another one
        context["lost"] = named
    context |= {"environments": places, "chosen": chosen, "kinds": list(KINDS.values())}
    return render(request, "gateways/form.html", context)


def _chosen(environment: str) -> str:
    if environment:
        return environment
    sentence = "Choose an environment."
    raise Refused(sentence, code="bad-fields", fields=[FieldError("environment", sentence)])


@page("GET", "POST")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The options of a gateway; its name and its kind stay."""
    actor = actor_of(request)
    row = gateways.get_by_id(actor, pk)
    require(actor, "gateways.write", [row.environment.name])
    context: dict[str, Any] = {"title": _title(row.kind)}
    moved = False
    if request.method == "POST":
        try:
            changed = options.given(row.kind, request.POST)
            etag = request.POST.get("etag", "")
            gateways.update(actor, row.environment.name, row.name, if_match=etag, options=changed)
            return go(request, reverse("gateway", args=[row.pk]), f"The gateway {row.name} is saved.")
        except StaleVersion:
            moved, row = True, gateways.get_by_id(actor, pk)
            context |= {"error": opened.overtaken("gateway"), "stored_at": reverse("gateway", args=[pk])}
        except (Refused, Conflict) as error:
            context |= _wrong(request, row.kind, error)
    form = opened.shown(request, row.etag, options.values(row.kind, row.options), moved=moved)
    controls = _controls(row.kind, form.values, context.get("problems", {}))
    context |= {"gateway": row, "form": form, "controls": controls}
    return render(request, "gateways/edit.html", context)


def _wrong(request: HttpRequest, kind: str, error: TrustyardError) -> dict[str, Any]:
    told = options.worded(kind, error, request.POST)
    return {"error": told, "problems": problems(told)}


def _controls(kind: str, values: Mapping[str, str], wrong: Mapping[str, str]) -> list[dict[str, Any]]:
    """The controls with what is wrong about each."""
    return [
        {**vars(control), "problem": wrong.get(f"options.{control.name}", "")}
        for control in options.controls(kind, values)
    ]


@page("GET")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One gateway: its nodes, and what they said of the latest releases."""
    row = gateways.get_by_id(actor_of(request), pk)
    receipts = models.Receipt.objects.filter(gateway=row).select_related("release").order_by("-at", "-pk")
    nodes = row.nodes.order_by("connected", "name")  # who is away comes first
    shown = Pages(nodes, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "gateway": row,
        "kind": _title(row.kind),
        "has_token": gateways.has_token(row),
        "page": shown,
        "nodes": [_node(node) for node in shown.object_list],
        "receipts": receipts.defer("release__content", "release__left_out")[:RECEIPTS],
        "options": json.dumps(row.options, indent=2) if row.options else "",
    }
    return render(request, "gateways/show.html", context)


def _node(node: models.Node) -> dict[str, Any]:
    """A node, and the agents of its name; on one host, or behind one address, several have the same."""
    agents = twins.speaking(node, timezone.now())
    return {"node": node, "agents": agents, "addresses": list(dict.fromkeys(agents))}


@page("POST")
def bootstrap(request: HttpRequest, pk: int) -> HttpResponse:
    """The gateway's whole start-up configuration. It holds its own token, so showing it is asked for and audited."""
    actor = actor_of(request)
    row = gateways.get_by_id(actor, pk)
    given = request.POST
    made = gateways.bootstrap(
        actor, row.environment.name, row.name, listen=given.get("listen") or None, cert=given.get("cert") or None,
        key=given.get("key") or None, trust=given.get("trust") or None,
    )  # fmt: skip
    return render(request, "gateways/_bootstrap.html", {"gateway": row, "text": made.text})


@page("POST")
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Makes the gateway's token another one."""
    actor = actor_of(request)
    row = gateways.get_by_id(actor, pk)
    gateways.rotate_token(actor, row.environment.name, row.name)
    return go(
        request, reverse("gateway", args=[pk]), "The token is another one now; give every node the new bootstrap."
    )


@page("GET", "POST")
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog Delete Gateway, and what its Delete does."""
    actor = actor_of(request)
    row = gateways.get_by_id(actor, pk)
    if request.method == "GET":
        require(actor, "gateways.write", [row.environment.name])
        return into_dialogs(render(request, "gateways/_delete.html", {"gateway": row}))
    try:
        gateways.delete(actor, row.environment.name, row.name, if_match=request.POST.get("etag", ""))
    except StaleVersion:
        context = {"gateway": gateways.get_by_id(actor, pk), "moved": True}
        return into_dialogs(render(request, "gateways/_delete.html", context))
    return go(request, reverse("gateways"), f"The gateway {row.name} is deleted.")
