"""Delete a certificate (S-31 to S-38); revoke and restore an entry (D-13)."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from trustyard import models
from trustyard.actions import certificates, drafts, revoked_twins, waiting
from trustyard.actions.actors import Actor
from trustyard.actions.certificates import JwkAnswer, Saved
from trustyard.errors import JwkConnection, Moved, NotFound, Refused, StaleVersion
from trustyard.web.deployed import deployed
from trustyard.web.page import actor_of, confirmed, go, page

from .drafts import configuration, who_deleted
from .questions import Question, also, ask, has_moved, into_dialogs

_PUBLISHED = {"disabled": "was disabled", "enabled": "was enabled and is published again"}


@page("GET", "POST")
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """GET opens the dialog that this certificate needs, POST goes on with it."""
    actor = actor_of(request)
    certificate = certificates.get_by_id(actor, pk)
    if request.method == "GET":
        return _begin(request, actor, certificate)
    question = Question.unsealed(request.POST.get("state", ""))
    if question is not None and "action" in request.POST:
        question.answer(request.POST["action"])
        return ask(request, question, waiting.going(actor, certificate))
    if question is not None:
        answer = question.said(request.POST.get("confirm", ""))
        return _delete(request, actor, certificate, question.carried.get("etag", ""), answer, question)
    return _delete(request, actor, certificate, request.POST.get("etag", ""), None, None)


def _begin(request: HttpRequest, actor: Actor, certificate: models.Certificate, *, moved: bool = False) -> HttpResponse:
    asked = drafts.rehearse_deletion(actor, certificate)
    if asked is not None:
        return ask(request, _question(certificate, asked), moved=moved)
    context = {"certificate": certificate, "moved": moved, "going": waiting.going(actor, certificate)}
    return into_dialogs(render(request, "certificates/_delete.html", context))


def _question(certificate: models.Certificate, asked: JwkConnection) -> Question:
    there = reverse("certificate-delete", args=[certificate.pk])
    return Question.begin(asked, certificate.name, there, {"etag": certificate.etag}, deletion=True)


def _delete(
    request: HttpRequest,
    actor: Actor,
    certificate: models.Certificate,
    etag: str,
    answer: JwkAnswer | None,
    question: Question | None,
) -> HttpResponse:
    try:
        saved = certificates.delete(
            actor, certificate.name, if_match=etag, answer=answer, confirm_restored=confirmed(request)
        )
    except (JwkConnection, StaleVersion) as error:
        return _begin(request, actor, certificates.get_by_id(actor, certificate.pk), moved=has_moved(error))
    except Refused as error:
        if question is not None:
            return ask(request, question, waiting.going(actor, certificate), problem=error.sentence)
        raise
    return go(request, reverse("certificates"), f"{certificate.name} is deleted.{also(saved)}", saved.releases)


@page("GET", "POST")
def revoke(request: HttpRequest, pk: UUID, key: str) -> HttpResponse:
    """The dialog Revoke Certificate, and what its Confirm does: in force at once. Who was quicker is named in it."""
    actor = actor_of(request)
    draft = drafts.get(actor, pk)
    entry, row = _entry(actor, draft, key), drafts.row_of(draft, key)
    problem, moved = "", not row["new"] and row["sha256"] != entry.x509_id
    if request.method == "POST" and not entry.revoked:
        try:
            saved = certificates.revoke(
                actor,
                entry.certificate.name,
                entry.environment.name,
                reason=request.POST.get("reason", ""),
                shown=request.POST.get("shown", ""),
                confirm_restored=confirmed(request),
            )
            response = _at_once(request, actor, pk, saved, f"{entry.alias} is revoked in {entry.environment.name}.")
            response["HX-Trigger-After-Swap"] = "entry-revoked"  # the window stays where something was typed in it
            return response
        except Moved:
            entry, moved = _entry(actor, draft, key), True
        except Refused as error:
            problem = error.sentence
    jwks = entry.jwks.filter(state="active").order_by("name_key")
    context = {"draft": draft, "entry": entry, "key": key, "jwks": jwks, "problem": problem}
    context["moved"] = moved
    context["besides"] = waiting.besides([entry])
    context["trusted"] = revoked_twins.still_trusted(entry)
    return into_dialogs(render(request, "certificates/_revoke.html", context))


@page("POST")
def restore(request: HttpRequest, pk: UUID, key: str) -> HttpResponse:
    """Restore, of a revoked row's menu: in force at once too.

    It asks nothing, for Revoke undoes it: the answer says what came back, and offers that.
    """
    actor = actor_of(request)
    draft = drafts.get(actor, pk)
    entry = _entry(actor, draft, key)
    saved = certificates.restore(
        actor,
        entry.certificate.name,
        entry.environment.name,
        shown=drafts.row_of(draft, key)["sha256"],
        confirm_restored=confirmed(request),
    )
    said = f"{entry.alias} ({entry.x509.certificate_name}) is trusted again in {entry.environment.name}"
    said += f", with release {saved.releases[0].number}." if saved.releases else "."
    undo = reverse("draft-revoke", args=[pk, key])
    return _at_once(request, actor, pk, saved, said, undo=undo)


def _entry(actor: Actor, draft: models.Draft, key: str) -> models.Entry:
    row = drafts.row_of(draft, key)
    rows = models.Entry.objects.select_related("environment", "certificate", "x509")
    entry = rows.filter(certificate_id=draft.certificate_id or 0, environment__name=row["environment"]).first()
    if draft.based_on and draft.certificate_id is None:
        sentence = f"{who_deleted(actor, draft)}, and with it this entry."
        raise NotFound(sentence, advice="Press Save to go on as a new certificate with what you typed and took in.")
    if entry is None:
        raise NotFound("This entry is not stored yet.")
    return entry


def _at_once(request: HttpRequest, actor: Actor, pk: UUID, saved: Saved, said: str, *, undo: str = "") -> HttpResponse:
    draft = drafts.get(actor, pk)
    was_current = draft.based_on == saved.certificate.etag_before
    if was_current:  # the author's own change must not make the draft stale; somebody else's does
        draft = drafts.rebase(actor, pk)
    done = "; ".join(f"the JWK {change.name} {_PUBLISHED[change.change]}" for change in saved.jwks)
    said = f"{said} Also, {done}." if done else said
    said = " ".join([said, *(notice.message for notice in saved.notices)])
    deployment = deployed([release.pk for release in saved.releases])
    response = configuration(request, actor, draft, said=said, deployment=deployment, close_dialogs=True, undo=undo)
    response["HX-Retarget"], response["HX-Reswap"] = "#configuration", "none"
    return response
