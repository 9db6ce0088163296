"""What every view shares: who asks, what they may, and how a refusal looks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from trustyard.actions.actors import Actor, of_user
from trustyard.actions.permissions import TABLE, allowed
from trustyard.actions.preflight import brought
from trustyard.errors import MethodNotAllowed, NotFound, Restored, TrustyardError
from trustyard.models import Release
from trustyard.pki.refusals import refuse_private_key
from trustyard.pki.sentences import plural

from .deleted import deleted, is_gone, list_of, named
from .differences import side_by_side

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
READ_FOR_KEYS = ("content", "jwk")  # what is pasted there is read, and a private key in it dropped or refused
_WARNINGS = 5  # of one kind that are told at once
NOT_TAKEN = "not_taken"  # in the address of the form Sign in


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person as an actor; asked once for each request."""
    actor: Actor | None = getattr(request, "_trustyard_actor", None)
    if actor is None:
        assert request.user.is_authenticated
        actor = of_user(request.user, str(request.META.get("REMOTE_ADDR", "")), "console")
        request._trustyard_actor = actor  # type: ignore[attr-defined]  # a note on the request, nobody else reads it
    return actor


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page (not for a page out of the history)."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def page(*methods: str) -> Callable[[View[P]], View[P]]:
    """Marks a view: these methods, for signed-in people alone, and errors of the actions shown by their sentence."""

    def mark(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if request.method == "HEAD" and "GET" in methods:
                request.method = "GET"  # the server sends no body to HEAD, and views take what is no GET for a button
            if request.method not in methods:
                return wrong_method(request, methods)
            if not request.user.is_authenticated:
                return to_sign_in(request)
            try:
                _refuse_private_keys(request)
                return view(request, *args, **kwargs)
            except Restored as asked:
                return ask_restored(request, asked)
            except TrustyardError as error:
                if isinstance(error, NotFound):
                    if request.method == "POST" and not is_fragment(request) and is_gone(request):
                        return deleted(request, actor_of(request), error)
                    error = named(request, actor_of(request), error)
                return refusal(request, error)

        return answer

    return mark


def _refuse_private_keys(request: HttpRequest) -> None:
    """A private key in a form is refused here: a form that is shown again, or kept as a draft, would repeat it."""
    for given in (request.GET, request.POST):
        for name, values in given.lists():
            for text in values if name not in READ_FOR_KEYS else ():
                refuse_private_key(text, name)


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the form Sign in; afterwards one lands on the page where one was, never on the address of an action.

    Whoever sent a form with it is told that it was not taken.
    """
    sign_in, sent = resolve_url(settings.LOGIN_URL), request.method not in ("GET", "HEAD")
    there = shown_at(request) if sent or is_fragment(request) else request.get_full_path()
    answer = redirect_to_login(there, f"{sign_in}?{NOT_TAKEN}=yes" if sent else sign_in)
    return go(request, answer.url) if is_fragment(request) else answer


def shown_at(request: HttpRequest) -> str:
    """The address of the page that asks, without its host; the start page where it is no page of this host."""
    said = request.headers.get("HX-Current-URL" if is_fragment(request) else "Referer", "")
    try:
        there = urlsplit(said)
    except ValueError:  # anybody can send anything
        return reverse("home")
    path = f"{there.path}?{there.query}" if there.query else there.path
    ours = url_has_allowed_host_and_scheme(said, request.get_host()) and url_has_allowed_host_and_scheme(path, None)
    return path if ours and path.startswith("/") else reverse("home")


def refusal(request: HttpRequest, error: TrustyardError) -> HttpResponse:
    """A refusal as a page of its own, or as an alert in the page that asked."""
    if is_fragment(request):
        return into_notices(render(request, "_alert.html", {"error": error}))
    return refused(request, error)


def refused(request: HttpRequest, error: TrustyardError) -> HttpResponse:
    """A refusal on a page of its own, for who cannot stay where they are."""
    known = {403: "403.html", 404: "404.html"}
    context = {"error": error, "form_at": form_at(request), "back": list_of(request)}
    return render(request, known.get(error.status, "refused.html"), context, status=error.status)


def form_at(request: HttpRequest) -> str:
    """The address of the form that was sent and not taken, where what was typed is there again; else nothing."""
    there = shown_at(request) if request.method == "POST" else ""
    return "" if there == reverse("home") else there


def into_notices(response: HttpResponse) -> HttpResponse:
    """Has htmx put the answer above the page, and show it, whatever element asked."""
    response["HX-Retarget"], response["HX-Reswap"] = "#notices", "innerHTML show:window:top"
    return response


def drawn_anew(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Has htmx draw the whole page anew, also where a dialog asked, which expects to be led on."""
    if is_fragment(request):
        response["HX-Retarget"], response["HX-Reswap"] = "body", "innerHTML"
    return response


def wrong_method(request: HttpRequest, methods: Sequence[str]) -> HttpResponse:
    """405, for whoever opens the address of a button."""
    advice = "" if "GET" in methods else "It belongs to a button: go to the page that has it."
    error = MethodNotAllowed(f"This address takes {' and '.join(methods)}, and no {request.method}.", advice=advice)
    response = refusal(request, error)
    response.status_code = error.status
    response["Allow"] = ", ".join(methods)
    return response


def ask_restored(request: HttpRequest, asked: Restored) -> HttpResponse:
    """What a deploy would change of a restored release (D-22), in a form that repeats the request with the answer."""
    fields = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in ("csrfmiddlewaretoken", "confirm_restored")
        for value in values
    ]
    places = [
        {**one, "difference": side_by_side(one), "compare": comparison(one["environment"], one["release"], "saved")}
        for one in asked.extra["restored"]
    ]
    context = {**asked.extra, "places": places, "fields": fields, "post_to": request.get_full_path()}
    if not is_fragment(request):
        return render(request, "releases/restored.html", context, status=asked.status)
    response = render(request, "releases/_restored.html", context)
    response["HX-Retarget"], response["HX-Reswap"] = "#dialogs", "innerHTML"
    return response


def comparison(environment: str, start: int | None, end: int | str) -> str:
    """Where two releases of an environment, or one and what is saved, stand side by side."""
    return f"{reverse('releases-compare')}?{urlencode({'environment': environment, 'from': start or '', 'to': end})}"


def confirmed(request: HttpRequest) -> str:
    """The answer of that form: the version of the list that was shown, or nothing."""
    return request.POST.get("confirm_restored", "")


def go(
    request: HttpRequest, to: str, said: str = "", releases: Sequence[Release] = (), findings: Sequence[str] = ()
) -> HttpResponse:
    """On to another page by GET, so that reload and back repeat nothing; `said` is shown there once.

    Where there are releases, the page shows how they are delivered (`of_address` in views/releases); `findings` are
    sentences about what was saved without one.
    """
    if releases:
        to += f"?releases={','.join(str(release.pk) for release in releases)}"
    if said:
        messages.success(request, said)
    brings = [f"In {one.environment.name}, {note.sentence}" for one in releases for note in brought(one)]
    _warn(request, [*brings, *findings])
    if not is_fragment(request):
        response = HttpResponse(status=303)
        response["Location"] = to
        return response
    response = HttpResponse()
    response["HX-Redirect"] = to
    return response


def _warn(request: HttpRequest, found: Sequence[str]) -> None:
    """Says what is wrong with certificates; of many the first few."""
    for sentence in found[:_WARNINGS]:
        messages.warning(request, sentence)
    if more := found[_WARNINGS:]:
        messages.warning(request, f"{plural(len(more), 'more finding')} of this kind: see the certificates.")


def problems(error: TrustyardError) -> dict[str, str]:
    """The sentences of an error by field, for the form that shows them beside its controls."""
    said: dict[str, list[str]] = {}
    for field in error.fields:
        said.setdefault(field.field, []).append(field.message)
    return {field: " ".join(dict.fromkeys(messages)) for field, messages in said.items()}


def common(request: HttpRequest) -> dict[str, Any]:
    """Context of every template: the permissions of the person, and where in the navigation the page is."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {"can": {}, "here": ""}
    actor = actor_of(request)
    can = {permission.replace(".", "_"): allowed(actor, permission) for permission in TABLE}
    return {"can": can, "actor": actor, "here": request.path_info.split("/")[1]}
