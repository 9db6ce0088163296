"""JWKs: the list, one JWK's page, edit, delete."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from trustyard import models
from trustyard.actions import environments, jwks, releases, waiting
from trustyard.actions.actors import Actor
from trustyard.actions.found import names
from trustyard.actions.permissions import require
from trustyard.errors import Conflict, NotAllowed, Refused, Restored, StaleVersion
from trustyard.pki.jwks import findings
from trustyard.web import opened
from trustyard.web.page import actor_of, confirmed, go, is_fragment, page, problems
from trustyard.web.pages import Pages

from .questions import into_dialogs
from .releases import of_address, with_a_deploy

PER_PAGE = 50
FIELDS = ("name", "description", "state")  # of Edit


@page("GET")
def index(request: HttpRequest) -> HttpResponse:
    """The list."""
    actor = actor_of(request)
    given = request.GET
    rows = jwks.find(
        actor, q=given.get("q", ""), environment=given.get("environment", ""), state=given.get("state", "")
    )
    shown = Pages(rows, PER_PAGE).get_page(given.get("page"))
    context = {
        "page": shown,
        "rows": _rows(shown.object_list),
        "filtered": any(given.get(name) for name in ("q", "environment", "state")),
    }
    if is_fragment(request):
        return render(request, "jwks/_list.html", context)
    context |= {"environments": environments.find(actor), "deployment": of_address(request)}
    return render(request, "jwks/list.html", context)


def _rows(found: Iterable[models.Jwk]) -> list[dict[str, Any]]:
    """Each JWK with what is weak about it, its environments, and whether they publish another than what is saved."""
    newest = releases.latest_of_all()
    return [
        {
            "jwk": jwk,
            "findings": findings(jwk.public),
            "places": [
                {"place": place, "waits": waiting.jwk_waits(jwk, place.pk, newest)} for place in jwk.environments.all()
            ],
        }
        for jwk in found
    ]


@page("GET")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One JWK: its public members, where it is published, what it is connected to."""
    row = jwks.get_by_id(actor_of(request), pk)
    shown = jwks.jwk_json(row)
    (known,) = _rows([row])
    context = {
        **known,
        "waits": any(place["waits"] for place in known["places"]),
        "shown": shown,
        "public": json.dumps(shown["jwk"], indent=2, ensure_ascii=False),
        "deployment": of_address(request),
    }
    return render(request, "jwks/show.html", context)


@page("GET", "POST")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Name, description and state; the key itself comes from its certificate."""
    actor = actor_of(request)
    row = jwks.get_by_id(actor, pk)
    context: dict[str, Any] = {}
    moved = False
    if request.method == "GET":
        require(actor, "jwks.write", names(row.environments.all()))
    else:
        try:
            return _update(request, actor, row)
        except Restored:
            raise  # the page asks for all views alike
        except StaleVersion:
            moved, row = True, jwks.get_by_id(actor, pk)
            context = {"error": opened.overtaken("JWK"), "stored_at": reverse("jwk", args=[pk])}
        except (Refused, Conflict, NotAllowed) as error:
            context = {"error": error, "problems": problems(error)}
    form = opened.shown(request, row.etag, {name: getattr(row, name) for name in FIELDS}, moved=moved)
    return render(request, "jwks/edit.html", {"jwk": row, "form": form, **context})


def _update(request: HttpRequest, actor: Actor, row: models.Jwk) -> HttpResponse:
    given = request.POST
    deploy = given.get("deploy") == "yes"
    done = jwks.update(
        actor,
        row.name,
        if_match=given.get("etag", ""),
        new_name=given.get("name"),
        description=opened.description(request),
        state=_state(given.get("state", ""), row),
        deploy=deploy,
        confirm_restored=confirmed(request),
    )
    return saved(request, done)


def _state(chosen: str, row: models.Jwk) -> str | None:
    # The form says it each time. What only stands there is nobody's word about a JWK that a revocation disabled.
    return chosen if chosen and chosen != row.state else None


def saved(request: HttpRequest, done: jwks.SavedJwk) -> HttpResponse:
    """On to the JWK's page, with the deployment where there is one."""
    (known,) = _rows([done.jwk])
    waits = any(place["waits"] for place in known["places"])
    said = f"{done.jwk.name} is saved{' and not deployed yet' if waits else ''}."
    said = " ".join([said, *(notice.message for notice in done.notices)])
    return go(request, reverse("jwk", args=[done.jwk.pk]), said, done.releases)


@page("GET")
def besides(request: HttpRequest, pk: int) -> HttpResponse:
    """What Save and Deploy would put in force besides: changes that others saved and did not deploy."""
    return with_a_deploy(request, waiting.besides_jwk(jwks.get_by_id(actor_of(request), pk)))


@page("GET", "POST")
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog Delete JWK, and what its Delete does."""
    actor = actor_of(request)
    row = jwks.get_by_id(actor, pk)
    if request.method == "GET":
        require(actor, "jwks.write", names(row.environments.all()))
        return _ask_deletion(request, row)
    etag = request.POST.get("etag", "")
    try:
        gone = jwks.delete(actor, row.name, if_match=etag, confirm_restored=confirmed(request))
    except StaleVersion:
        return _ask_deletion(request, jwks.get_by_id(actor, pk), moved=True)
    return go(request, reverse("jwks"), f"{row.name} is deleted.", gone.releases)


def _ask_deletion(request: HttpRequest, row: models.Jwk, *, moved: bool = False) -> HttpResponse:
    context = {"jwk": row, "besides": waiting.besides_jwk(row), "moved": moved}
    return into_dialogs(render(request, "jwks/_delete.html", context))
