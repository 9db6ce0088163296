"""403, 404 and 500 in the console's own layout, for strangers too."""

from __future__ import annotations

import secrets
import sys
from typing import Any

import structlog
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from trustyard.actions import requests
from trustyard.actions.again import unavailable

log = structlog.get_logger()


def lost(request: HttpRequest) -> HttpResponse:
    """An address that is not there."""
    raise Http404


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: a host name that is not accepted (`TRUSTYARD_ALLOWED_HOSTS`), or a request that cannot be read.

    No page of ours, for its links would lead to that host. The REST API answers with its own problem.
    """
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
    """403 for a form that did not come from this console, or whose session ended meanwhile."""
    return render(request, "403.html", {"stale_form": True}, status=403)


def broken(request: HttpRequest, *_: Any) -> HttpResponse:
    """500 with a reference number that stands in the log too; 503 where the database was not to be had."""
    error = sys.exc_info()[1]
    away = unavailable(error) if error is not None else None
    if away is not None:  # in a few words of our own: a page would ask the database who looks at it
        headers = {"Retry-After": "2"}
        return HttpResponse(away.detail, status=503, content_type="text/plain; charset=utf-8", headers=headers)
    reference = requests.current_id() or secrets.token_hex(4)
    log.error("unforeseen", reference=reference, path=request.path)
    return render(request, "500.html", {"reference": reference}, status=500)
