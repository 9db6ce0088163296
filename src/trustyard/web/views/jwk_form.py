"""The form Create JWK: its two sources, what fits the chosen one, and what it says when something is missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from trustyard import models
from trustyard.actions import environments, jwks, waiting
from trustyard.actions.actors import Actor
from trustyard.actions.permissions import allowed, require
from trustyard.errors import Conflict, NotAllowed, NotFound, Refused, Restored
from trustyard.pki.jwks import read_public_jwk
from trustyard.pki.names import fold
from trustyard.web import opened, typed_json
from trustyard.web.deleted import begins_anew
from trustyard.web.jwk_text import plainly_public
from trustyard.web.page import actor_of, confirmed, page, problems

from .jwks import saved
from .releases import with_a_deploy

USES = (("sig", "sig (signature)"), ("enc", "enc (encryption)"))
OFFERED = 5000  # certificates; for another one its page has a link


@page("GET", "POST")
def create(request: HttpRequest) -> HttpResponse:
    """The form: empty, of the certificate that the address names, or with what could not be taken."""
    actor = actor_of(request)
    require(actor, "jwks.write")  # told before the form is filled in
    context: dict[str, Any] = {"given": request.POST}
    if request.method == "POST" and not begins_anew(request):
        try:
            deploy = request.POST.get("deploy") == "yes"
            return saved(request, _create(request, actor, deploy))
        except Restored:
            raise  # the page asks for all views alike
        except (Refused, Conflict, NotFound, NotAllowed) as error:
            found = {field.removeprefix("source."): message for field, message in problems(error).items()}
            told = Refused("Several things are wrong: each is named below.") if len(found) > 1 else error
            context |= {"error": told, "problems": found, **_shown_again(request.POST.get("jwk", ""))}
    places = _mine(actor)
    names = list(_certificates(actor, places).values_list("name", flat=True)[: OFFERED + 1])
    context |= _choices(request.POST if request.method == "POST" else request.GET, actor, places)
    context |= {"certificates": names[:OFFERED], "more": len(names) > OFFERED, "offered": OFFERED}
    if context["certificate"] and context["certificate"] not in names[:OFFERED]:
        context["certificates"].insert(0, context["certificate"])
    context |= {"mine": places, "chosen": request.POST.getlist("environments")}
    return render(request, "jwks/form.html", context)


def _create(request: HttpRequest, actor: Actor, deploy: bool) -> jwks.SavedJwk:
    given = request.POST
    source: jwks.FromCertificate | jwks.HandGiven
    if given.get("kind") == "jwk":
        source = jwks.HandGiven(_read(given.get("jwk", "")), given.getlist("environments"))
    else:
        source = jwks.FromCertificate(given.get("certificate", ""), given.get("environment", ""))
    alg = given.get("alg", "")
    return jwks.create(
        actor,
        name=given.get("name", ""),
        description=opened.description(request),
        source=source,
        use=given.get("use") or None,
        alg=None if alg == "none" else (alg or jwks.UNSET),
        kid=given.get("kid", "").strip() or None,
        deploy=deploy,
        confirm_restored=confirmed(request),
    )


def _read(text: str) -> dict[str, Any] | None:
    try:
        value = typed_json.read(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _shown_again(text: str) -> dict[str, Any]:
    public = _public(text)
    return {"jwk": public, "jwk_withheld": bool(text.strip()) and not public}


def _public(text: str) -> str:
    """The JWK that was pasted, to be shown again: nothing that may be private (D-07)."""
    given = _read(text)
    try:
        public = read_public_jwk(given or {})
    except Refused:
        return text if plainly_public(text) else ""
    assert given
    return json.dumps({name: value for name, value in given.items() if name in public}, indent=2, ensure_ascii=False)


def _mine(actor: Actor) -> list[models.Environment]:
    """The environments for which the actor may make JWKs."""
    return [place for place in environments.find(actor) if allowed(actor, "jwks.write", [place.name])]


def _certificates(actor: Actor, places: Sequence[models.Environment]) -> QuerySet[models.Certificate]:
    rows = models.Certificate.objects.order_by("name_key")
    if actor.environments is None:
        return rows
    return rows.filter(pk__in=models.Entry.objects.filter(environment__in=places).values("certificate"))


def _choices(
    given: QueryDict, actor: Actor, mine: Sequence[models.Environment], *, another: bool = False
) -> dict[str, Any]:
    """What fits the source: the environments of the certificate, then the uses and algorithms of its key there.

    Where the certificate is not in the environment that is named, none is chosen: the JWK would be published elsewhere.
    Unless it is `another` certificate that was chosen just now, for the environment was that of the one before.
    """
    kind = "jwk" if given.get("kind") == "jwk" else "certificate"
    certificate = _certificates(actor, mine).filter(name_key=fold(given.get("certificate", ""))).first()
    held = set() if certificate is None else set(certificate.entries.values_list("environment", flat=True))
    places = [one for one in mine if one.pk in held]
    named = given.get("environment")
    chosen = environments.named_or_first(places, named) if named else None
    if chosen is None and (another or named is None):
        chosen = environments.named_or_first(places, "")
    place = chosen.name if chosen else ""
    fitting: dict[str, Any] = {"uses": [], "algorithms": {}, "kid": "", "problem": None}
    if kind == "jwk":
        fitting["uses"] = [use for use, _ in USES]
    elif certificate is not None and place:
        fitting = jwks.choices(actor, certificate.name, place)
    lost = bool(places) and not place
    first = f"Choose {'an environment' if lost else 'a certificate'} first"
    unsaid = {"jwk": "as in the JWK", "certificate": "" if place else first}[kind]
    uses, use = fitting["uses"], given.get("use", "")
    use = use if use in uses else ("" if unsaid else next(iter(uses), ""))
    return {
        "kind": kind,
        "certificate": certificate.name if certificate else "",
        "places": places,
        "place": place,
        "lost": lost,
        "unsaid": unsaid,
        "uses": [(one, label) for one, label in USES if one in uses],
        "use": use,
        "algorithms": fitting["algorithms"].get(use, []),
        "alg": given.get("alg", ""),
        "suggested_kid": fitting["kid"],
        "problem": fitting["problem"],
    }


@page("GET")
def choices(request: HttpRequest) -> HttpResponse:
    """Environment, use and algorithm that fit the chosen source."""
    actor = actor_of(request)
    another = request.headers.get("HX-Trigger-Name") == "certificate"
    response = render(request, "jwks/_choices.html", _choices(request.GET, actor, _mine(actor), another=another))
    response["HX-Trigger-After-Swap"] = "choices-changed"
    return response


@page("GET")
def besides(request: HttpRequest) -> HttpResponse:
    """What Save and Deploy would put in force besides: changes that others saved and did not deploy."""
    require(actor_of(request), "jwks.write")
    given = request.GET
    by_hand = given.get("kind") == "jwk"
    places = given.getlist("environments" if by_hand else "environment")
    return with_a_deploy(request, waiting.besides_new_jwk(places))
