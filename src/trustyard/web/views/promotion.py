"""The page Promote: what would go from one environment into another, shown first, then done in one step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from trustyard import models
from trustyard.actions import environments, promotion
from trustyard.actions.actors import Actor
from trustyard.actions.certificates import JwkAnswer
from trustyard.actions.permissions import allowed, require
from trustyard.errors import Conflict, JwkConnection, NotAllowed, NotFound, Refused, Restored, TrustyardError
from trustyard.pki.names import search_fold
from trustyard.pki.sentences import plural
from trustyard.web.differences import side_by_side
from trustyard.web.page import actor_of, confirmed, drawn_anew, go, is_fragment, page
from trustyard.web.pages import LINES, Part

_UNDECIDED = "Say what becomes of the JWKs of each certificate, or leave the certificate out."
_ASKED = 20  # certificates whose JWKs are asked about at once


@dataclass(frozen=True)
class Ticked:
    """Which certificates are ticked, on however many pages: all or none, but for some."""

    all: bool = True
    but: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return self.all != (name in self.but)


@page("GET", "POST")
def promote(request: HttpRequest) -> HttpResponse:
    """GET shows the difference, POST does it; a refusal comes back on the page, with the difference as it is now."""
    actor = actor_of(request)
    require(actor, "certificates.write")
    places = list(environments.find(actor))
    start, target = _ends(request, places, targets(actor, places))
    if "turn" in request.POST:
        return _turned(request, actor, start, target)
    if request.method == "POST" and "more" not in request.POST:
        try:
            return _promote(request, actor, start, target)
        except Restored:
            raise  # the page asks for all views alike
        except JwkConnection:
            error: TrustyardError = Refused(_UNDECIDED, code="refused")
        except (Conflict, Refused, NotFound) as refused:
            error = refused
        return drawn_anew(request, _page(request, actor, places, start, target, error))
    return _page(request, actor, places, start, target)


def _ticked(request: HttpRequest) -> Ticked:
    """As it was sent: `rows` of a page, of which those of `certificate` are ticked, and `but` on the other pages."""
    given = request.POST
    if request.method != "POST" or "tick" in given:
        return Ticked(given.get("tick", "all") == "all")
    every, rows, here = given.get("base") == "all", set(_lines(given, "rows")), set(given.getlist("certificate"))
    return Ticked(every, frozenset((set(_lines(given, "but")) - rows) | (rows - here if every else here)))


def _lines(given: QueryDict, name: str) -> list[str]:
    return [line for line in given.get(name, "").splitlines() if line]


def _turned(request: HttpRequest, actor: Actor, start: str, target: str) -> HttpResponse:
    """The certificates alone: another page of them, those that match a search, all of them ticked or none."""
    seen, taken = _preview(promotion.planned, actor, start, target)
    listed = _listed(request, [step.json() for step in seen.steps], taken)
    return render(request, "environments/_promoted.html", {"listed": listed, "start": start, "target": target})


def _listed(request: HttpRequest, steps: Sequence[dict[str, Any]], taken: Conflict | None) -> dict[str, Any]:
    """A page of the certificates that may be ticked, and what is ticked of the others.

    While all are ticked, those whose alias is taken are among the exceptions: they are not on offer.
    """
    ticked, given = _ticked(request), request.POST
    many = len(steps) > LINES
    q = search_fold(given.get("q", "").strip()) if many else ""
    fitting = [step for step in steps if q in search_fold(f"{step['certificate']}\n{step['alias']}")]
    shown = Paginator(fitting, LINES).get_page(given.get("turn"))
    rows = [step["certificate"] for step in shown]
    others = {step["certificate"] for step in steps}.difference(rows)
    but = {*ticked.but.intersection(others), *(_names(taken) if ticked.all else ())} if many else ()
    return {
        "page": shown,
        "rows": [{**step, "chosen": step["certificate"] in ticked} for step in shown],
        "many": many,
        "base": "all" if many and ticked.all else "",
        "but": "\n".join(sorted(but)),
        "names": "\n".join(rows),
        "others": len(others),
        "ticked": sum(name in ticked for name in others),
        "count": len(steps),
    }


def targets(actor: Actor, places: Iterable[models.Environment]) -> list[models.Environment]:
    """Those into which the actor may promote."""
    return [place for place in places if allowed(actor, "certificates.write", [place.name])]


def _ends(
    request: HttpRequest, places: Sequence[models.Environment], into: Sequence[models.Environment]
) -> tuple[str, str]:
    """The two environments of the address; left out: from the first of tests to the first other one that one may."""
    tests_first = sorted(places, key=lambda place: place.type != "test")
    names = [place.name for place in tests_first if any(one.name != place.name for one in into)]
    start = request.GET.get("from") or next(iter(names), "")
    others = [place for place in into if place.name != start]
    others.sort(key=lambda place: place.type != "production")
    return start, request.GET.get("to") or next((place.name for place in others), "")


def _promote(request: HttpRequest, actor: Actor, start: str, target: str) -> HttpResponse:
    given, ticked = request.POST, _ticked(request)
    names = sorted(ticked.but)
    if ticked.all:
        held = models.Certificate.objects.filter(entries__environment__name=start).order_by("name_key")
        names = [name for name in held.values_list("name", flat=True) if name in ticked]
    if not names:
        raise Refused("Choose at least one certificate.", code="refused")
    done = promotion.promote(
        actor,
        target,
        source=start,
        names=names,
        answers=_answers(request),
        version=given.get("version", ""),
        deploy=given.get("deploy") == "yes",
        note=given.get("note", ""),
        confirm_restored=confirmed(request),
    )
    count = len(done.steps)
    said = f"{plural(count, 'certificate')} of {start} {'is' if count == 1 else 'are'} in {target} now"
    said += "." if done.releases else ", saved and not deployed yet."
    found = [f"In {target}, {note.sentence}" for note in done.findings]
    return go(request, reverse("environments"), said, done.releases, found)


def _answers(request: HttpRequest) -> dict[str, JwkAnswer]:
    given = request.POST
    return {
        name: JwkAnswer(
            action=given.get(f"asked-action-{index}"),
            confirm=given.get(f"asked-confirm-{index}", ""),
            version=given.get(f"asked-version-{index}", ""),
        )
        for index, name in enumerate(given.getlist("asked"))
    }


def _page(
    request: HttpRequest,
    actor: Actor,
    places: Sequence[models.Environment],
    start: str,
    target: str,
    error: TrustyardError | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {"environments": places, "targets": targets(actor, places)}
    context |= {"start": start, "target": target}
    if start and target and start != target:
        try:
            seen, taken = _preview(promotion.preview, actor, start, target)
            context |= _shown(request, seen.json(), taken)
            error = error or taken
        except (Conflict, Refused, NotFound, NotAllowed) as refused:
            error = error or refused
    context |= {"error": error, "note": request.POST.get("note", "")}
    status = error.status if error and not is_fragment(request) else 200
    return render(request, "environments/promote.html", context, status=status)


def _preview(
    look: Callable[..., promotion.Promotion], actor: Actor, start: str, target: str
) -> tuple[promotion.Promotion, Conflict | None]:
    """What promoting all would do; where aliases are taken, the others, and the refusal."""
    try:
        return look(actor, target, source=start), None
    except Conflict as refused:
        if refused.code != "alias-taken":
            raise
        taken = set(_names(refused))
        held = models.Certificate.objects.filter(entries__environment__name=start).values_list("name", flat=True)
        return look(actor, target, source=start, names=[name for name in held if name not in taken]), refused


def _names(taken: Conflict | None) -> list[str]:
    return [at.field.removeprefix("certificates.") for at in taken.fields] if taken else []


def _shown(request: HttpRequest, seen: dict[str, Any], taken: Conflict | None) -> dict[str, Any]:
    answers = _answers(request)
    for question in seen["jwk_connection"]:
        answer = answers.get(question["certificate"])
        question["answered"] = answer is not None
        question["action"] = answer.action if answer else None
        question["confirm"] = answer.confirm if answer else ""
        question["blocked"] = [jwk["name"] for jwk in question["jwks"] if jwk["problem"]]
    # Those that were on the page stay there, in front, with what was answered.
    questions = sorted(seen["jwk_connection"], key=lambda question: not question["answered"])
    more = _ASKED if "more" in request.POST or not answers else 0
    asked = questions[: len(answers) + more]
    return {
        "shown": seen,
        "listed": _listed(request, seen["certificates"], taken),
        "difference": side_by_side(seen["difference"], request),
        "waiting": side_by_side(seen["waiting"], request, "waiting"),
        "left_behind": Part(request, "left-behind", seen["left_behind"]),
        "left_out": Part(request, "left-out", seen["left_out"]),
        "questions": asked,
        "unasked": len(questions) - len(asked),
    }
