"""The window New Certificate Definition: sources, what they show, Apply (S-03, S-08 to S-16)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from trustyard import models
from trustyard.actions import draft_window, drafts, findings, sources
from trustyard.actions.actors import Actor
from trustyard.actions.permissions import allowed
from trustyard.errors import NotFound, Refused, TooLarge, TrustyardError
from trustyard.pki.readable import content
from trustyard.web import opened
from trustyard.web.page import actor_of, page, problems

from .drafts import configuration, context_of

_WRITE = "certificates.write"
_NOW_SHOWN = "The text has been read only now. Look at Content, then press Apply again."


def window_context(actor: Actor, draft: models.Draft) -> dict[str, Any]:
    """What the window's templates show."""
    window = draft_window.window_of(draft)
    seen = draft_window.seen_in(actor, draft)
    chosen = draft_window.chosen_in(draft, seen)
    stored = None
    if window["row"] and draft.certificate_id:
        entries = models.Entry.objects.select_related("environment").prefetch_related("jwks")
        stored = entries.filter(
            certificate_id=draft.certificate_id, environment__name=window["environments"][0]
        ).first()
    environments = models.Environment.objects.order_by("name_key")
    taken = {row["environment"] for row in draft.content["rows"]}
    return {
        "window": window,
        "touched": draft_window.is_touched(draft),
        "environments": environments,
        "free": [one.name for one in environments if one.name not in taken and allowed(actor, _WRITE, [one.name])],
        "seen": seen,
        "notices": seen.notices if seen else (),
        "chosen": chosen,
        "chosen_content": content(chosen) if chosen else "",
        "chosen_findings": findings.at(chosen, timezone.now()) if chosen else (),
        "stored_entry": stored,
    }


def _regions(request: HttpRequest, actor: Actor, draft: models.Draft, **more: Any) -> HttpResponse:
    return render(request, "certificates/window/_regions.html", {**context_of(actor, draft), **more})


def _fields(request: HttpRequest) -> dict[str, Any]:
    given = request.POST
    fields: dict[str, Any] = {name: given[name] for name in ("source", "url", "encoding", "alias") if name in given}
    return fields | {"environments": given.getlist("environments"), "others": "others" in given}


@page("POST")
def show(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Opens the window, on a row when one is named."""
    actor = actor_of(request)
    with drafts.changing(actor, pk) as draft:
        _define(request, draft)
        if key := request.POST.get("row"):
            draft_window.open_row(draft, key)
        else:
            draft_window.open_new(draft)
    return render(request, "certificates/window/_window.html", context_of(actor, draft))


def _define(request: HttpRequest, draft: models.Draft) -> None:
    # The outer form comes along with every request, so that nothing typed there is lost.
    if "name" in request.POST and not _is_late(request, draft, "define"):
        drafts.define(draft, request.POST["name"], opened.description(request))


def _is_late(request: HttpRequest, draft: models.Draft, part: str) -> bool:
    return drafts.is_late(draft, part, request.POST.get("typed", ""))


@page("POST")
def keep(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keeps what is typed in the window, and checks the alias meanwhile."""
    actor = actor_of(request)
    fields = _fields(request)
    with drafts.changing(actor, pk) as draft:
        if draft.content["window"] is None or _is_late(request, draft, "window"):
            return HttpResponse(status=204)  # typed just before Apply or Cancel, or sent before another
        other_source = fields.get("source") != draft_window.window_of(draft)["source"]
        if not draft_window.keep(draft, fields):
            return HttpResponse(status=204)  # the words of a refused Apply stay
    window = draft_window.window_of(draft)
    problem = draft_window.alias_problem(draft, window["environments"], window["alias"]) if window["alias"] else ""
    if other_source:
        return _regions(request, actor, draft, problems={"alias": problem})
    return render(request, "certificates/window/_alias_problem.html", {"alias_problem": problem})


@sensitive_post_parameters("password", "content")
@page("POST")
def look(request: HttpRequest, pk: UUID, kind: str) -> HttpResponse:
    """Reads a source and shows what is in it; nothing is stored (S-10 to S-15)."""
    actor = actor_of(request)
    source = _source(request, kind)
    with drafts.changing(actor, pk) as draft:
        if draft.content["window"] is None:
            return HttpResponse(status=204)  # chosen just before Cancel
        _is_late(request, draft, "window")
        draft_window.turn_to(draft, kind)
        draft_window.forget_seen(draft)
        if kind == "paste" and _lacks_encoding(request):
            draft_window.wait_for_encoding(draft)
    if source is None:
        return _regions(request, actor, draft)
    problem = _look(actor, pk, source)
    draft = drafts.get(actor, pk)
    if draft.content["window"] is None:
        return HttpResponse(status=204)
    more: dict[str, Any] = {"error": problem} if problem else {}
    if isinstance(source, sources.FileGiven):
        wanted = problem is not None and "password" in problem.code
        if not (wanted and source.password):
            more |= {"password_region": True, "wants_password": wanted}
    return _regions(request, actor, draft, **more)


def _look(
    actor: Actor, pk: UUID, source: sources.Connection | sources.FileGiven | sources.Paste
) -> TrustyardError | None:
    with drafts.changing(actor, pk) as draft:
        look = draft_window.begin_look(draft, source)
    # The look is no part of the draft's lock: a slow server must not hold the database.
    problem: TrustyardError | None = None
    try:
        seen = sources.look_at(actor, source)
    except (Refused, TooLarge) as error:
        problem = error
    with drafts.changing(actor, pk) as draft:
        if not draft_window.is_awaited(draft, look):
            return None  # another one began meanwhile, or the window is closed
        if problem is not None:
            draft_window.saw_nothing(draft, problem.detail)
        else:
            draft_window.saw(draft, source, seen)
    return problem


def _source(request: HttpRequest, kind: str) -> sources.Connection | sources.FileGiven | sources.Paste | None:
    if kind == "connection":
        return sources.Connection(request.POST.get("url", "").strip())
    if kind == "file":
        file = request.FILES.get("file")
        if file is None:
            return None
        return sources.FileGiven(file.name or "", file.read(), request.POST.get("password") or None)
    if kind == "paste":
        encoding, text = request.POST.get("encoding", ""), request.POST.get("content", "")
        return sources.Paste(encoding, text) if encoding and text.strip() else None
    raise NotFound("There is no such source.")


def _lacks_encoding(request: HttpRequest) -> bool:
    return bool(request.POST.get("content", "").strip()) and not request.POST.get("encoding")


@page("POST")
def choose(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Another certificate of the same source (D-08)."""
    actor = actor_of(request)
    with drafts.changing(actor, pk) as draft:
        draft_window.choose(draft, request.POST.get("choose", ""))
    return render(request, "certificates/window/_facts.html", {**context_of(actor, draft), "oob": True})


@sensitive_post_parameters("content")
@page("POST")
def apply(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Apply: the window becomes a row, or says what is missing."""
    actor = actor_of(request)
    draft = _typed(request, actor, pk)
    is_paste = draft_window.window_of(draft)["source"] == "paste"
    pasted = _source(request, "paste") if is_paste else None
    if isinstance(pasted, sources.Paste) and not _is_read(actor, draft, pasted):
        _look(actor, pk, pasted)  # typed and applied before the text was read, or read long ago
        draft = _typed(request, actor, pk)
    if (unseen := _unseen(request, actor, draft)) and pasted is not None:
        return _regions(request, actor, draft, error=Refused(_NOW_SHOWN))
    if unseen:
        with drafts.changing(actor, pk) as draft:
            draft_window.saw_nothing(draft, draft_window.nothing_seen(draft))
    try:
        with drafts.changing(actor, pk) as draft:
            draft_window.apply(actor, draft)
    except Refused as error:
        return _refused(request, actor, drafts.get(actor, pk), error)
    response = configuration(request, actor, draft, touched=True)
    response["HX-Trigger"] = "window-done, draft-changed"
    return response


def _typed(request: HttpRequest, actor: Actor, pk: UUID) -> models.Draft:
    with drafts.changing(actor, pk) as draft:
        _define(request, draft)
        _is_late(request, draft, "window")  # what is still on its way from before counts no more
        source = draft_window.window_of(draft)["source"]
        draft_window.keep(draft, _fields(request))
        if draft_window.window_of(draft)["source"] == "paste" and _lacks_encoding(request):
            draft_window.wait_for_encoding(draft)
        if "choose" in request.POST and source == draft_window.window_of(draft)["source"]:
            draft_window.choose(draft, request.POST["choose"])
    return draft


def _unseen(request: HttpRequest, actor: Actor, draft: models.Draft) -> bool:
    """Whether the window does not show what would be taken: a look failed on the way, or its answer did."""
    chosen = draft_window.chosen_in(draft, draft_window.seen_in(actor, draft))
    return chosen is not None and request.POST.get("shown", chosen.sha256) != chosen.sha256


def _refused(request: HttpRequest, actor: Actor, draft: models.Draft, error: Refused) -> HttpResponse:
    """What is missing, each an alert at its control; what is wrong with the source stands in the source's box."""
    found = problems(error)
    of_source = Refused(found["source"]) if "source" in found else None
    return _regions(request, actor, draft, problems=found, refused=True, error=of_source if found else error)


def _is_read(actor: Actor, draft: models.Draft, pasted: sources.Paste) -> bool:
    """Whether what stands in this text, or in the same that a reload put back, is known."""
    window = draft_window.window_of(draft)
    back = "".join(window["content"].split()) == "".join(pasted.content.split())
    same = window["pasted"] == draft_window.digest_of(pasted) or back
    return same and draft_window.seen_in(actor, draft) is not None


@page("POST")
def close(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Cancel or Esc."""
    with drafts.changing(actor_of(request), pk) as draft:
        draft_window.close(draft)
    return HttpResponse(status=204)
