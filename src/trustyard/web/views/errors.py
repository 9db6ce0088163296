"""400, 403, 404, 500 and 503 in the console's own layout, for strangers too; plainly, where no page can be made."""

from __future__ import annotations

import secrets
import sys
from typing import Any

import structlog
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from trustyard.actions import requests
from trustyard.actions.retries import unavailable
from trustyard.errors import NotAllowed, TrustyardError, Unavailable
from trustyard.web.page import form_at, into_notices, is_fragment, refused, shown_at, to_sign_in

log = structlog.get_logger(__name__)
RETRY_AFTER = "2"  # seconds
TOO_MANY = "Too many attempts. Wait a few minutes, then try again."


def refused_here(request: HttpRequest, error: TrustyardError) -> HttpResponse:
    """As `refused`; for who may have asked for a part of a page a notice above what they typed."""
    return _notice(request, {"error": error}, error.status) if is_fragment(request) else refused(request, error)


def lost(request: HttpRequest) -> HttpResponse:
    """An address that is not there."""
    raise Http404


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: a host name that is not accepted (`TRUSTYARD_ALLOWED_HOSTS`), or a request that cannot be read.

    No page of ours, for its links would lead to that host; 413 and a page for a form that is too long. The REST API
    answers with its own problem.
    """
    if long := requests.too_many(exception):
        return refused_here(request, long)
    sentence = "This request cannot be read, or names a host that is not accepted (TRUSTYARD_ALLOWED_HOSTS)."
    if not request.path.startswith("/api/"):
        return HttpResponse(sentence, status=400, content_type="text/plain; charset=utf-8")
    answer = {"type": "/problems/unreadable", "title": "Unreadable", "status": 400, "detail": sentence}
    return JsonResponse(answer, status=400, content_type="application/problem+json")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return render(request, "404.html", status=404)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403."""
    return render(request, "403.html", status=403)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that did not come from this console, or whose session ended meanwhile.

    htmx would paste a page into the page: it is given a sentence with the way on, or the way to sign in.
    """
    if is_fragment(request):
        return _stale_part(request) if request.user.is_authenticated else to_sign_in(request)
    return render(request, "403.html", {"stale_form": True, "form_at": form_at(request)}, status=403)


def _stale_part(request: HttpRequest) -> HttpResponse:
    error = NotAllowed(
        "You signed in again since this page was opened, so nothing of this was taken.",
        advice="A certificate form comes back with what was typed before.",
    )
    return _notice(request, {"error": error, "load_again": shown_at(request)}, error.status)


def _notice(request: HttpRequest, context: dict[str, Any], status: int) -> HttpResponse:
    return into_notices(render(request, "_alert.html", context, status=status))


def broken(request: HttpRequest, *_: Any) -> HttpResponse:
    """500 with a reference number that stands in the log too; 503 where the database was not to be had."""
    error = sys.exc_info()[1]
    away = unavailable(error) if error is not None else None
    if away is not None:
        return without_database(request, away)
    reference = requests.current_id() or secrets.token_hex(4)
    log.error("unforeseen", reference=reference, path=request.path)
    if is_fragment(request):
        sentence = f"Trustyard did not foresee this. The log has the details under the reference {reference}."
        return _part(TrustyardError(sentence, advice="Nothing was half done: try again."), 500)
    return render(request, "500.html", {"reference": reference, "form_at": form_at(request)}, status=500)


def without_database(request: HttpRequest, error: Unavailable) -> HttpResponse:
    """503, as the REST API, a part of a page or a whole page says it; asks the database nothing, not even who asks."""
    if request.path.startswith("/api/"):
        body = {"type": f"/problems/{error.code}", "title": error.title, "status": 503, "detail": error.detail}
        response: HttpResponse = JsonResponse(body, status=503, content_type="application/problem+json")
    elif is_fragment(request):
        response = _part(error, 503)
    else:
        response = HttpResponse(
            render_to_string("refused.html", {"error": error, "form_at": form_at(request)}), status=503
        )
    response["Retry-After"] = RETRY_AFTER
    return response


def _part(error: TrustyardError, status: int) -> HttpResponse:
    """An alert for the page that asked; htmx shows what it is answered, whatever the status."""
    return into_notices(HttpResponse(render_to_string("_alert.html", {"error": error}), status=status))
