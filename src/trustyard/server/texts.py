"""Refuses NUL in what the console is sent: no text may hold it, and PostgreSQL does not even look for it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, QueryDict

from trustyard.errors import Refused
from trustyard.web.views.errors import refused_here

Answer = Callable[[HttpRequest], HttpResponse]
NUL = "\0"


class NoNul:
    """Middleware, once for all forms and queries of the console; the REST API reads its own as strictly."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/api/") and (_holds_nul(request.GET) or _holds_nul(request.POST)):
            error = Refused("What was sent holds the character NUL, which no text may hold.", code="bad-fields")
            return refused_here(request, error)
        return self.get_response(request)


def _holds_nul(fields: QueryDict) -> bool:
    return any(NUL in text for name, values in fields.lists() for text in (name, *values))
