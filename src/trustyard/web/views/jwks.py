"""JWKs: the list, the form, one JWK's page, delete."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from trustyard import models
from trustyard.actions import certificates, environments, jwks
from trustyard.actions.actors import Actor
from trustyard.actions.permissions import require
from trustyard.errors import Conflict, FieldError, NotFound, Refused, Restored, StaleVersion, TrustyardError
from trustyard.web.page import actor_of, confirmed, go, is_fragment, page, problems
from trustyard.web.pages import Pages

from .questions import into_dialogs
from .releases import of_address

PER_PAGE = 50
USES = (("sig", "sig (signature)"), ("enc", "enc (encryption)"))


@page("GET")
def index(request: HttpRequest) -> HttpResponse:
    """The list."""
    actor = actor_of(request)
    given = request.GET
    rows = jwks.find(
        actor, q=given.get("q", ""), environment=given.get("environment", ""), state=given.get("state", "")
    )
    shown = Pages(rows, PER_PAGE).get_page(given.get("page"))
    context = {"page": shown, "filtered": any(given.get(name) for name in ("q", "environment", "state"))}
    if is_fragment(request):
        return render(request, "jwks/_list.html", context)
    context |= {"environments": environments.find(actor), "deployment": of_address(request)}
    return render(request, "jwks/list.html", context)


@page("GET", "POST")
def create(request: HttpRequest) -> HttpResponse:
    """The form, empty or with what could not be taken."""
    actor = actor_of(request)
    require(actor, "jwks.write")  # told before the form is filled in
    context: dict[str, Any] = {"given": request.POST, "kind": request.POST.get("kind", "certificate")}
    if request.method == "POST":
        try:
            deploy = request.POST.get("deploy") == "yes"
            saved = _create(request, actor, deploy)
            return _saved(request, saved, deploy)
        except Restored:
            raise  # the page asks for all views alike
        except (Refused, Conflict, NotFound) as error:
            context |= {"error": error, "problems": _problems(error)}
    context |= _choices(request, actor)
    context |= {"all_environments": environments.find(actor), "chosen": request.POST.getlist("environments")}
    return render(request, "jwks/form.html", context)


def _create(request: HttpRequest, actor: Actor, deploy: bool) -> jwks.SavedJwk:
    given = request.POST
    source: jwks.FromCertificate | jwks.HandGiven
    if given.get("kind") == "jwk":
        source = jwks.HandGiven(_read(given.get("jwk", "")), given.getlist("environments"))
    else:
        source = jwks.FromCertificate(
            _required(given.get("certificate", ""), "certificate"), given.get("environment", "")
        )
    alg = given.get("alg", "")
    return jwks.create(
        actor,
        name=given.get("name", ""),
        description=given.get("description", ""),
        source=source,
        use=given.get("use") or None,
        alg=None if alg == "none" else (alg or jwks.UNSET),
        kid=given.get("kid", "").strip() or None,
        deploy=deploy,
        confirm_restored=confirmed(request),
    )


def _required(value: str, field: str) -> str:
    if not value:
        sentence = f"Choose a {field}."
        raise Refused(sentence, code="no-certificate", fields=[FieldError(f"source.{field}", sentence)])
    return value


def _read(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        sentence = 'This is not a JWK: a JSON object such as {"kty": "EC", …}.'
        raise Refused(sentence, code="bad-jwk", fields=[FieldError("source.jwk", sentence)])
    return value


def _problems(error: TrustyardError) -> dict[str, str]:
    return {field.removeprefix("source."): message for field, message in problems(error).items()}


def _saved(request: HttpRequest, saved: jwks.SavedJwk, deploy: bool) -> HttpResponse:
    there = reverse("jwk", args=[saved.jwk.pk])
    ids = ",".join(str(release.pk) for release in saved.releases)
    said = (
        f"{saved.jwk.name} is saved."
        if deploy
        else f"{saved.jwk.name} is saved; it is published with the next release."
    )
    return go(request, f"{there}?releases={ids}" if ids else there, said)


def _choices(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    given = request.POST or request.GET
    names = list(models.Certificate.objects.order_by("name_key").values_list("name", flat=True)[:5000])
    name = given.get("certificate", "")
    places: list[str] = []
    fitting: dict[str, Any] = {"uses": [], "algorithms": {}, "kid": "", "problem": None}
    place = given.get("environment", "")
    if name:
        certificate = certificates.get(actor, name)
        places = list(certificate.entries.order_by("environment_id").values_list("environment__name", flat=True))
        place = place if place in places else (places[0] if places else "")
        if place:
            fitting = jwks.choices(actor, name, place)
    uses = fitting["uses"] if name else [use for use, _ in USES]
    use = given.get("use", "") if given.get("use") in uses else (uses[0] if uses else "")
    return {
        "certificates": names,
        "certificate": name,
        "places": places,
        "place": place,
        "uses": [(use, label) for use, label in USES if use in uses],
        "use": use,
        "algorithms": fitting["algorithms"].get(use, []),
        "alg": given.get("alg", ""),
        "suggested_kid": fitting["kid"],
        "problem": fitting["problem"],
    }


@page("GET")
def choices(request: HttpRequest) -> HttpResponse:
    """Environment, use and algorithm that fit the chosen certificate."""
    return render(request, "jwks/_choices.html", _choices(request, actor_of(request)))


@page("GET")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One JWK: its public members, where it is published, what it is connected to."""
    row = jwks.get_by_id(actor_of(request), pk)
    shown = jwks.jwk_json(row)
    context = {
        "jwk": row,
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
    require(actor, "jwks.write", [place.name for place in row.environments.all()])
    context: dict[str, Any] = {"jwk": row, "given": request.POST, "etag": row.etag}
    if request.method == "POST":
        given = request.POST
        deploy = given.get("deploy") == "yes"
        try:
            saved = jwks.update(
                actor,
                row.name,
                if_match=given.get("etag", ""),
                new_name=given.get("name", ""),
                description=given.get("description", ""),
                state=given.get("state") or None,
                deploy=deploy,
                confirm_restored=confirmed(request),
            )
            return _saved(request, saved, deploy)
        except Restored:
            raise
        except (Refused, Conflict, StaleVersion) as error:
            context |= {"error": error, "problems": _problems(error)}
    return render(request, "jwks/edit.html", context)


@page("GET", "POST")
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog Delete JWK, and what its Delete does."""
    actor = actor_of(request)
    row = jwks.get_by_id(actor, pk)
    if request.method == "GET":
        require(actor, "jwks.write", [place.name for place in row.environments.all()])
        return into_dialogs(render(request, "jwks/_delete.html", {"jwk": row}))
    saved = jwks.delete(actor, row.name, if_match=request.POST.get("etag", ""), confirm_restored=confirmed(request))
    ids = ",".join(str(release.pk) for release in saved.releases)
    return go(request, f"{reverse('jwks')}{f'?releases={ids}' if ids else ''}", f"{row.name} is deleted.")
