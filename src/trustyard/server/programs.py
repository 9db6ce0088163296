"""Requests with a token: they have no session, no form, no messages and no page, so they pass by what those need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.urls import resolve

from trustyard.api.paths import ROOT

Answer = Callable[[HttpRequest], HttpResponseBase]


class ProgramsFirst:
    """Middleware: what comes to the REST API with an `Authorization` header is answered here, all else further in.

    That header alone says who asks then (`api/authentication.py`), so nothing of what is passed by would have a say.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        # Refuses a host that is not allowed, and adds Content-Length.
        self._answer: Callable[[HttpRequest], Any] = CommonMiddleware(_answered)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "HTTP_AUTHORIZATION" not in request.META or not request.path_info.startswith(ROOT):
            return self.get_response(request)
        response: HttpResponseBase = self._answer(request)
        return response


def _answered(request: HttpRequest) -> HttpResponseBase:
    request.resolver_match = match = resolve(request.path_info)
    response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    return response
