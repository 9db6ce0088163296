"""The API put together: its routes, and what is true of every one of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, re_path
from ninja.errors import HttpError, ValidationError

import trustyard

from . import (
    audit,
    certificates,
    chains,
    environments,
    gateways,
    imports,
    jwks,
    openapi,
    releases,
    trust_checks,
    truststores,
)
from .bodies import StrictParser
from .problems import not_allowed, on_error, unknown_address

View = Callable[..., HttpResponseBase]
_ACTIONS = ("inspect", "compare", "import")  # POST to `certificates/<action>`

api = openapi.Api(
    title="Trustyard",
    version=trustyard.__version__,
    description="Certificates and keys that gateways trust. docs/rest.md tells the story, docs/errors.md the problems. "
    "Besides what stands at an operation, any may be answered by 408 or 431 (too slow, headers too large) and by 500.",
    parser=StrictParser(),
    openapi_url=None,
    docs_url=None,
)
for noun in (certificates, imports, chains, jwks, environments, truststores, trust_checks, gateways, releases, audit):
    api.add_router("", noun.router)
for known in (Exception, HttpError, ValidationError, Http404):  # ninja has handlers of its own for the last three
    api.add_exception_handler(known, on_error)


def edge(view: View) -> View:
    """A view whose every answer is ours: HEAD and OPTIONS too, and a problem for a verb that it does not know."""

    def answer(request: HttpRequest, **names: Any) -> HttpResponseBase:
        verb = request.method
        if verb == "HEAD":
            request.method = "GET"  # the server sends no body to HEAD
        try:
            response = view(request, **names)
        except Exception as error:  # noqa: BLE001 - the outermost: nothing leaves here but a problem
            response = on_error(request, error)
        if response.status_code == 405:
            response = _other_verb(verb, response["Allow"])
        response["Cache-Control"] = "no-store"
        return response

    answer.csrf_exempt = True  # type: ignore[attr-defined]  # tokens need none; authentication.py asks sessions for it
    return answer


def _other_verb(verb: str | None, allow: str) -> HttpResponse:
    allowed = {"OPTIONS", *allow.split(", ")}
    allowed |= {"HEAD"} if "GET" in allowed else set()
    if verb == "OPTIONS":
        return HttpResponse(status=204, headers={"Allow": ", ".join(sorted(allowed))})
    return not_allowed(allowed)


def _routes() -> dict[str, View]:
    """Route to ninja's view of it. A certificate may be named as an action is: only POST to it is the action."""
    routes: dict[str, View] = {
        str(pattern.pattern): pattern.callback for pattern in api.urls[0] if isinstance(pattern, URLPattern)
    }
    del routes[""]  # ninja's own root answers with a page
    certificate = routes["certificates/<segment:name>"]
    actions = {name: routes.pop(f"certificates/{name}") for name in _ACTIONS}

    def certificate_or_action(request: HttpRequest, name: str) -> HttpResponseBase:
        if name in actions and request.method == "POST":
            return actions[name](request)
        response = certificate(request, name=name)
        if response.status_code == 405 and name in actions:
            response["Allow"] += ", POST"
        return response

    return {**routes, "certificates/<segment:name>": certificate_or_action}


urlpatterns = [
    path("openapi.json", edge(partial(openapi.document, api=api))),
    path("docs", edge(openapi.page), name="api-docs"),
    *(path(route, edge(view)) for route, view in _routes().items()),
    re_path(r"^(?P<rest>(?s:.*))$", edge(unknown_address)),
]
