"""The OpenAPI document, made of the operations, and the page to read it in a browser."""

from __future__ import annotations

import functools
import json
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.schema import REF_TEMPLATE, OpenAPISchema
from ninja.operation import Operation
from ninja.schema import NinjaGenerateJsonSchema
from pydantic.json_schema import models_json_schema

from trustyard.errors import NotSignedIn

from .authentication import actor_of
from .headers import described
from .paths import ROOT
from .problems import MEDIA_TYPE, problem
from .schemas.problems import PROBLEMS, Problem

# What every operation may answer, described once: the name of the description, what it says, and a header.
_ANYWHERE = {
    400: ("Unreadable", "The request, or its body, cannot be read, or it names a host that is not accepted.", ""),
    401: ("NotSignedIn", "There is no token or session, or one that is not known or over.", "WWW-Authenticate"),
    403: ("NotAllowed", "The role may not do this, or not in these environments.", ""),
    413: ("TooLarge", "The body is over the limit.", ""),
    503: ("Unavailable", "What this needs is not there just now, such as the database, or it is busy.", "Retry-After"),
}
_UNUSED = HttpResponse()


class Api(NinjaAPI):
    """ninja's API with a document that says what ours really answers."""

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        """ninja makes one of each request, for headers; every operation here answers a response of its own."""
        return _UNUSED

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The noun and what is done with it: clients that are generated call their functions so."""
        noun = operation.view_func.__module__.rpartition(".")[2]
        return f"{noun}_{operation.view_func.__name__}"

    def get_openapi_schema(self, **_: Any) -> OpenAPISchema:
        """OpenAPI 3.1: problems with their own media type, two ways to sign in, the headers of answers."""
        document = super().get_openapi_schema(path_prefix=ROOT)
        document["components"]["schemas"].update(_problems())
        document["components"]["responses"] = {one[0]: _anywhere(*one[1:]) for one in _ANYWHERE.values()}
        document["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
        }
        document["security"] = [{"token": []}, {"session": []}]  # of all operations
        for path, operations in document["paths"].items():
            for verb, operation in operations.items():
                _finish(path, verb, operation)
        return document


def _problems() -> dict[str, Any]:
    models: list[Any] = [(model, "serialization") for model in PROBLEMS]
    _, schemas = models_json_schema(models, ref_template=REF_TEMPLATE, schema_generator=NinjaGenerateJsonSchema)
    definitions: dict[str, Any] = schemas["$defs"]
    return definitions


def _anywhere(description: str, header: str) -> dict[str, Any]:
    schema = {"$ref": REF_TEMPLATE.format(model=Problem.__name__)}
    response: dict[str, Any] = {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}
    return {**response, "headers": described(header)} if header else response


def _finish(path: str, verb: str, operation: dict[str, Any]) -> None:
    is_object = path.endswith("}") and verb != "delete"
    for status, answer in operation["responses"].items():
        answer["description"] = HTTPStatus(status).phrase
        names = {200: ["ETag"] if is_object else [], 201: ["ETag", "Location"]}.get(status)
        if names:
            answer["headers"] = described(*names)
    if "requestBody" in operation:
        _without_default(operation["requestBody"])
    anywhere = {status: {"$ref": f"#/components/responses/{name}"} for status, (name, *_) in _ANYWHERE.items()}
    operation["responses"] = dict(sorted({**operation["responses"], **anywhere}.items()))


def _without_default(body: dict[str, Any]) -> None:
    """Says of a body that may be left out which schema it has, and nothing else.

    ninja adds the defaults of its members as its own, with which clients of openapi-python-client cannot be generated.
    """
    for content in body["content"].values():
        if "default" in content["schema"]:
            [content["schema"]] = content["schema"]["allOf"]


def document(request: HttpRequest, api: Api) -> HttpResponse:
    """`/api/v1/openapi.json`."""
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    actor_of(request)
    return HttpResponse(_written(api), content_type="application/json")


@functools.cache
def _written(api: Api) -> str:
    # Half a second's work, whoever asks.
    return json.dumps(api.get_openapi_schema(), ensure_ascii=False)


def page(request: HttpRequest) -> HttpResponse:
    """`/api/v1/docs`: the document in Swagger UI, whose scripts and styles ninja brings: they come from this server."""
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    try:
        actor_of(request)
    except NotSignedIn as error:
        # Where a header is at fault no sign-in helps: it would lead here again.
        if "text/html" in request.headers.get("Accept", "") and "Authorization" not in request.headers:
            return redirect_to_login(request.path)
        return problem(error)
    swagger = json.dumps({"layout": "BaseLayout", "deepLinking": True, "url": f"{ROOT}openapi.json"})
    return render(request, "api-docs.html", {"swagger_settings": swagger})
