"""Save, and Save and Deploy (S-17, S-20 to S-30)."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from trustyard import models
from trustyard.actions import drafts
from trustyard.actions.actors import Actor
from trustyard.actions.certificates import JwkAnswer, Saved
from trustyard.actions.revoked_twins import REVOKED_THERE
from trustyard.errors import Conflict, JwkConnection, NotFound, Refused, Restored, StaleVersion, TrustyardError
from trustyard.web import opened
from trustyard.web.page import actor_of, confirmed, go, is_fragment, page, problems

from .drafts import context_of, who_deleted
from .questions import Question, also, ask, has_moved


@page("POST")
def save(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Saves the draft, or opens the dialog that has to be answered first."""
    actor = actor_of(request)
    question = Question.unsealed(request.POST["state"]) if "state" in request.POST else None
    if question is not None and "action" in request.POST:
        question.answer(request.POST["action"])
        return ask(request, question)
    if "name" in request.POST and (used := _define(request, actor, pk)):  # the form itself, and no dialog
        return used
    deploy = (question.carried.get("deploy") if question else request.POST.get("deploy")) == "yes"
    answer = question.said(request.POST.get("confirm", "")) if question else None
    return _save(request, actor, pk, deploy, answer, question)


def _define(request: HttpRequest, actor: Actor, pk: UUID) -> HttpResponse | None:
    try:
        with drafts.changing(actor, pk) as draft:
            drafts.define(draft, request.POST["name"], opened.description(request))
    except Conflict:
        return _used(request, actor, pk)
    return None


def _save(
    request: HttpRequest, actor: Actor, pk: UUID, deploy: bool, answer: JwkAnswer | None, question: Question | None
) -> HttpResponse:
    try:
        saved = drafts.save(actor, pk, deploy=deploy, answer=answer, confirm_restored=confirmed(request))
        if deploy:
            there = reverse("certificate", args=[saved.certificate.pk])
            return go(request, there, _said(saved, "."), saved.releases, _left_out(saved))
        waits = drafts.is_for_releases(drafts.get(actor, pk))
        return go(request, reverse("certificates"), _said(saved, " and not deployed yet." if waits else "."))
    except JwkConnection as asked:
        if not asked.extra["jwks"]:  # all of them went while the dialog was open: nothing is left to decide
            return _save(request, actor, pk, deploy, None, None)
        return _asked(request, actor, pk, asked, deploy)
    except Restored:
        raise  # the page asks for all views alike
    except StaleVersion:
        return _stale(request, actor, pk, deploy, question is not None)
    except NotFound as error:
        return _gone(request, actor, pk, error)
    except (Refused, Conflict) as error:
        if error.code == "draft-used":
            return _used(request, actor, pk)
        if question is not None and error.code == "wrong-confirmation":
            return ask(request, question, problem=error.sentence)
        return _refused(request, actor, drafts.get(actor, pk), error)


def _said(saved: Saved, how: str) -> str:
    others = ", ".join(other.name for other in saved.certificates[1:])
    named = f" With it, each as a certificate of its own: {others}." if others else ""
    said = f"{saved.certificate.name} is saved{how}{named}{also(saved)}"
    # The others were shown where the source was looked at.
    return " ".join([said, *(notice.message for notice in saved.notices if notice.code == REVOKED_THERE)])


def _left_out(saved: Saved) -> list[str]:
    """What was saved and is not in force with it, but for what somebody revoked."""
    name, revoked = saved.certificate.name, saved.certificate.entries.filter(revoked_at__isnull=False)
    gone = set(revoked.values_list("environment", flat=True))
    return [
        f"In {one.environment.name}, {row['alias']} is left out: {row['reason']}"
        for one in saved.releases
        for row in one.left_out
        if row["certificate"] == name and one.environment_id not in gone
    ]


def _gone(request: HttpRequest, actor: Actor, pk: UUID, error: NotFound) -> HttpResponse:
    """Somebody deleted the certificate meanwhile: the form goes on as that of a new one."""
    who = who_deleted(actor, drafts.get(actor, pk))
    draft = drafts.rebase(actor, pk)
    if draft.based_on:  # another was quicker by a moment, and did something else
        return _refused(request, actor, draft, error)
    messages.warning(
        request,
        f"{who}, and nothing was saved. This is the form of a new one now, with what you typed and took in.",
    )
    return go(request, reverse("draft", args=[draft.pk]))


def _used(request: HttpRequest, actor: Actor, pk: UUID) -> HttpResponse:
    # A double click or the back button: what the first press made is shown, nothing is made twice (D-20).
    draft = drafts.get(actor, pk)
    kept = draft.content["name"], draft.content["description"]
    if "name" in request.POST and (request.POST["name"], opened.description(request)) != kept:  # another tab
        name = kept[0].strip()
        messages.warning(request, f"{name} was saved before. What you typed in this form since was not taken.")
    return go(request, reverse("draft", args=[draft.pk]))


def _asked(request: HttpRequest, actor: Actor, pk: UUID, asked: JwkConnection, deploy: bool) -> HttpResponse:
    draft = drafts.get(actor, pk)
    assert draft.certificate is not None  # only what is stored has JWKs
    carried = {"deploy": "yes" if deploy else ""}
    question = Question.begin(asked, draft.certificate.name, reverse("draft-save", args=[pk]), carried)
    return ask(request, question, moved=has_moved(asked))


def _stale(request: HttpRequest, actor: Actor, pk: UUID, deploy: bool, in_dialog: bool) -> HttpResponse:
    draft = drafts.rebase(actor, pk)
    if in_dialog and (asked := drafts.rehearse(actor, pk)):  # the dialog opens again (D-05)
        asked.extra["moved"] = True
        return _asked(request, actor, pk, asked, deploy)
    return _refused(request, actor, draft, opened.overtaken("certificate"))


def _refused(request: HttpRequest, actor: Actor, draft: models.Draft, error: TrustyardError) -> HttpResponse:
    found = problems(error)
    context = context_of(actor, draft, error=error, name_problem=found.get("name", ""), close_dialogs=True)
    if isinstance(error, StaleVersion) and draft.certificate_id:
        context["moved"] = True  # name and description too, where only the other changed them
        context["stored_at"] = reverse("certificate", args=[draft.certificate_id])
    if not is_fragment(request):
        return render(request, "certificates/form.html", context, status=error.status)
    return render(request, "certificates/_configuration_answer.html", context)
