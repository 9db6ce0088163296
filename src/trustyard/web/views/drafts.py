"""The certificate form: a draft of its author's, kept on the server until it is saved (S-01 to S-07, S-18 to S-20)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from trustyard import models
from trustyard.actions import certificates, drafts, waiting
from trustyard.actions.actors import Actor
from trustyard.errors import Conflict, NotFound, TrustyardError
from trustyard.pki.certificates import status
from trustyard.web import opened
from trustyard.web.deleted import by_whom
from trustyard.web.page import actor_of, go, page

from .releases import with_a_deploy


@page("POST")
def create(request: HttpRequest) -> HttpResponse:
    """Create: an empty form."""
    draft = drafts.begin(actor_of(request))
    return go(request, reverse("draft", args=[draft.pk]))


@page("GET", "POST")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit: the form with the stored values."""
    actor = actor_of(request)
    draft = drafts.begin(actor, certificates.get_by_id(actor, pk))
    return go(request, reverse("draft", args=[draft.pk]))


@page("GET")
def form(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The form. A draft that was saved already leads to what became of it (the back button)."""
    actor = actor_of(request)
    draft = drafts.get(actor, pk)
    if draft.used_at is not None:
        saved = models.Certificate.objects.filter(pk=draft.saved_as or 0).first()
        return redirect("certificate", pk=saved.pk) if saved else redirect("certificates")
    return render(request, "certificates/form.html", context_of(actor, draft))


def context_of(actor: Actor, draft: models.Draft, **more: Any) -> dict[str, Any]:
    """What the form's templates show of a draft."""
    from .window import window_context  # the window shows a draft too

    window = window_context(actor, draft) if draft.content["window"] else {}
    context = {"draft": draft, "content": draft.content, "rows": rows_of(draft), "stored_in": _stored_in(draft.content)}
    return {**context, **window, **more}


def _stored_in(content: dict[str, Any]) -> list[str]:
    """The environments that a stored certificate is in; its name and its description belong to all of them (D-24)."""
    return [*(row["environment"] for row in content["rows"] if row["stored"]), *content["removed"]]


def rows_of(draft: models.Draft) -> list[dict[str, Any]]:
    """The rows of the table Configuration, each with its X.509 facts."""
    given = draft.content["rows"]
    stored = models.StoredCertificate.objects.in_bulk([row["sha256"] for row in given])
    revoked = {}
    if draft.certificate_id:
        entries = models.Entry.objects.filter(certificate_id=draft.certificate_id, revoked_at__isnull=False)
        revoked = dict(entries.values_list("environment__name", "x509_id"))
    now = timezone.now()
    rows = []
    for row in given:
        x509 = stored[row["sha256"]]
        is_revoked = revoked.get(row["environment"]) == row["sha256"]
        state = status(x509.not_before, x509.not_after, now, is_revoked)
        rows.append({**row, "x509": x509, "status": state, "revoked": is_revoked})
    return rows


def configuration(request: HttpRequest, actor: Actor, draft: models.Draft, **more: Any) -> HttpResponse:
    """The table Configuration as a fragment, with what there is to say about it."""
    response = render(request, "certificates/_configuration_answer.html", context_of(actor, draft, **more))
    if more.get("touched"):
        response["HX-Trigger"] = "draft-changed"
    return response


@page("POST")
def define(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keeps name and description while they are typed, and says at once when the name cannot be had."""
    actor = actor_of(request)
    name = request.POST.get("name", "")
    try:
        with drafts.changing(actor, pk) as draft:
            if drafts.is_late(draft, "define", request.POST.get("typed", "")):
                return HttpResponse(status=204)
            if not drafts.define(draft, name, opened.description(request)) and not name:
                return HttpResponse(status=204)  # the words of a refused Save stay
    except (Conflict, NotFound):
        return HttpResponse(status=204)  # typed just before Save or Cancel
    problem = drafts.name_problem(draft, name) if name else ""
    return render(request, "certificates/_name_problem.html", {"name_problem": problem})


@page("GET")
def besides(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What Save and Deploy would put in force besides: changes that others saved and did not deploy."""
    actor = actor_of(request)
    draft = drafts.get(actor, pk)
    return with_a_deploy(request, waiting.besides_draft(actor, draft) if draft.used_at is None else [])


def who_deleted(actor: Actor, draft: models.Draft) -> str:
    """Who deleted the certificate while its form was open, as the beginning of a sentence."""
    name = draft.content.get("stored", {}).get("name", "")  # drafts of an earlier version do not know it
    who = by_whom(actor, "certificate", name, draft.created_at)
    return who or "Somebody deleted this certificate meanwhile"


@page("POST")
def discard(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Cancel."""
    actor = actor_of(request)
    try:
        draft = drafts.get(actor, pk)
        to = reverse("certificate", args=[draft.certificate_id]) if draft.certificate_id else reverse("certificates")
        drafts.discard(actor, pk)
    except TrustyardError:
        to = reverse("certificates")
    return go(request, to)


@page("POST")
def remove_row(request: HttpRequest, pk: UUID, key: str) -> HttpResponse:
    """Remove, of a row's menu."""
    actor = actor_of(request)
    with drafts.changing(actor, pk) as draft:
        drafts.remove_row(draft, key)
    return configuration(request, actor, draft, touched=True)


@page("POST")
def remove_other(request: HttpRequest, pk: UUID, sha256: str) -> HttpResponse:
    """Takes back one of *the others too*."""
    actor = actor_of(request)
    with drafts.changing(actor, pk) as draft:
        drafts.remove_other(draft, sha256)
    return configuration(request, actor, draft, touched=True)
