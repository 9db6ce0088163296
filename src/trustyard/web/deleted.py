"""What somebody else deleted: who did it, the way back to the list, and what was typed in its form, to be copied."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from trustyard import models
from trustyard.actions import audit
from trustyard.actions.actors import Actor
from trustyard.errors import NotFound

from . import opened
from .tags import distance

_KINDS = {
    "certificate": models.Certificate,
    "environment": models.Environment,
    "gateway": models.Gateway,
    "jwk": models.Jwk,
}
_PAGES = {f"{kind}s/<int:pk>/": kind for kind in _KINDS}  # routes of what is about one of them begin so
_LISTS = {
    "certificates": "Certificates",
    "jwks": "JWKs",
    "environments": "Environments",
    "gateways": "Gateways",
    "releases": "Releases",
    "users": "Users",
}  # addresses, the same below which each of them has its page, and what the navigation calls them
_FIXED = ("environment", "name", "kind")  # what a form says and does not change


def is_gone(request: HttpRequest) -> bool:
    """Whether the form or dialog that was sent or asked for is of something that is there no more: `object` says which.

    It says `jwk/sign`. What counts is the number in the address, for the name may be another one by now.
    """
    match, model = request.resolver_match, _KINDS.get(_object(request)[0])
    if match is None or model is None:
        return False
    return not model._default_manager.filter(pk=match.kwargs.get("pk")).exists()


def deleted(request: HttpRequest, actor: Actor, gone: NotFound) -> HttpResponse:
    """404, with who deleted it where the audit says so, and a way to make it anew with what was typed."""
    kind, name = _object(request)
    typed = [(field.replace("_", " ").capitalize(), text) for field, text in opened.typed(request).items() if text]
    since = opened.since(request)
    event = audit.deletion(actor, kind, name, since) if since else None
    anew = {field: request.POST.get(field, "") for field in _FIXED} | opened.sent(request)
    context = {"gone": gone, "kind": kind, "name": name, "event": event, "typed": typed, "anew": anew}
    return render(request, "deleted.html", context, status=gone.status)


def named(request: HttpRequest, actor: Actor, gone: NotFound) -> NotFound:
    """What a dialog or a page says about it: who deleted it, where the audit says so.

    A plain link or a bookmark has nothing but the number in its address, by which the audit knows what went.
    """
    if is_gone(request) and (who := by_whom(actor, *_object(request), opened.since(request))):
        return NotFound(f"{who}, while this was open.", advice="Load the page again.")
    kind, number = _addressed(request)
    if not kind or _KINDS[kind]._default_manager.filter(pk=number).exists():
        return gone  # something else is missing, such as the entry of a certificate
    event = audit.deletion_of(actor, kind, number)
    return NotFound(f"{_said(event, kind, event.object_name)}.") if event else gone


def list_of(request: HttpRequest) -> tuple[str, str] | None:
    """The name and the label of the list that this address is below."""
    match = request.resolver_match
    within, _, rest = match.route.partition("/") if match else ("", "", "")
    return (within, _LISTS[within]) if rest and within in _LISTS else None


def by_whom(actor: Actor, kind: str, name: str, since: datetime | None) -> str:
    """Who deleted what had this name at that moment, and how long ago; empty where the audit does not say so."""
    event = audit.deletion(actor, kind, name, since) if since else None
    return _said(event, kind, name) if event else ""


def _said(event: models.AuditEvent, kind: str, name: str) -> str:
    what = "JWK" if kind == "jwk" else kind
    return f"{event.actor} deleted the {what} {name} {distance(event.at, timezone.now())}"


def _addressed(request: HttpRequest) -> tuple[str, int]:
    """The kind and the number of what the address is about; an empty kind where it is none of these."""
    match = request.resolver_match
    kind = next((kind for start, kind in _PAGES.items() if match and match.route.startswith(start)), "")
    return (kind, match.kwargs["pk"]) if match and kind else ("", 0)


def begins_anew(request: HttpRequest) -> bool:
    """Whether what is sent fills in a form of *Create*, and makes nothing yet."""
    return "anew" in request.POST


def _object(request: HttpRequest) -> tuple[str, str]:
    kind, _, name = (request.POST or request.GET).get("object", "").partition("/")
    return kind, name
