"""What was typed in the form of something that somebody else deleted meanwhile: shown again, to be copied."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from trustyard.actions import audit
from trustyard.actions.actors import Actor
from trustyard.errors import NotFound

from . import opened


def deleted(request: HttpRequest, actor: Actor, gone: NotFound) -> HttpResponse:
    """404, with who deleted it where the audit says so. The field `object` of the form names it: `jwk/sign`."""
    kind, _, name = request.POST["object"].partition("/")
    typed = [(field.replace("_", " ").capitalize(), text) for field, text in opened.typed(request).items() if text]
    event = audit.find(actor, object_name=name, action=f"{kind}.delete").first()
    context = {"gone": gone, "kind": kind, "name": name, "event": event, "typed": typed}
    return render(request, "deleted.html", context, status=gone.status)
