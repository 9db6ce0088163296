"""A client that asks Django as the router does, and holds every answer against the OpenAPI document."""

from __future__ import annotations

import functools
import json
import re
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import jsonschema_rs
from django.http import HttpResponse
from django.test import Client

from trustyard.api.urls import api

ROOT = "/api/v1"
PROBLEM = "application/problem+json"
_SAID = {"ETag", "Location", "Content-Disposition", "Retry-After", "WWW-Authenticate"}


@functools.cache
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    return json.loads(json.dumps(api.get_openapi_schema()))


def path(*segments: str | int) -> str:
    """An address below /api/v1 with each segment percent-encoded whole."""
    return ROOT + "".join("/" + quote(str(segment), safe="") for segment in segments)


class Answer:
    """What came back; `json` is the body's value where it is JSON."""

    def __init__(self, response: HttpResponse) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.content = b"".join(response.streaming_content) if response.streaming else response.content
        self.media_type = response.headers.get("Content-Type", "").partition(";")[0]
        self.json: Any = json.loads(self.content) if self.media_type.endswith(("/json", "+json")) else None

    @property
    def etag(self) -> str:
        return self.headers["ETag"]

    @property
    def code(self) -> str:
        """The last part of a problem's type."""
        assert self.media_type == PROBLEM, (self.status, self.media_type, self.content[:200])
        return str(self.json["type"]).rpartition("/")[2]

    @property
    def fields(self) -> list[str]:
        """The fields at fault."""
        return [error["field"] for error in self.json.get("errors", [])]


class Rest:
    """A program with a token (or a browser with a session, where a client is given)."""

    def __init__(self, token: str | None = None, client: Client | None = None) -> None:
        self.token = token
        self.client = client or Client()

    def get(self, address: str, **query: Any) -> Answer:
        return self.ask("GET", address, query=query)

    def post(self, address: str, body: Any = None, **query: Any) -> Answer:
        return self.ask("POST", address, body, query=query)

    def patch(self, address: str, body: Any, etag: str | None = "*", **query: Any) -> Answer:
        return self.ask("PATCH", address, body, query=query, etag=etag)

    def put(self, address: str, body: Any, etag: str | None = "*", **query: Any) -> Answer:
        return self.ask("PUT", address, body, query=query, etag=etag)

    def delete(self, address: str, etag: str | None = "*", **query: Any) -> Answer:
        return self.ask("DELETE", address, query=query, etag=etag)

    def ask(
        self,
        verb: str,
        address: str,
        body: Any = None,
        *,
        data: bytes | None = None,
        media_type: str | None = "application/json",
        query: dict[str, Any] | None = None,
        etag: str | None = None,
        headers: dict[str, str] | None = None,
        judged: bool = True,
    ) -> Answer:
        """One request; `data` are the bytes of a body that is not to be made of a JSON value."""
        sent = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (headers or {}).items()}
        if self.token:
            sent["HTTP_AUTHORIZATION"] = f"Bearer {self.token}"
        if etag is not None:
            sent["HTTP_IF_MATCH"] = etag
        if data is None:
            data = b"" if body is None else json.dumps(body).encode()
        wanted = {
            name: json.dumps(v) if isinstance(v, bool) else v for name, v in (query or {}).items() if v is not None
        }
        # PATH_INFO as the router hands it over: still percent-encoded.
        sent["PATH_INFO"] = urlsplit(address).path
        response = self.client.generic(
            verb, address, data, content_type=media_type or "", QUERY_STRING=urlencode(wanted), **sent
        )
        answer = Answer(response)
        if judged:
            judge(verb, address, answer)
        return answer


def judge(verb: str, address: str, answer: Answer) -> None:
    """What is true of every answer, and that the document says so."""
    assert answer.headers["Cache-Control"] == "no-store"
    if answer.status >= 400:
        assert answer.media_type == PROBLEM, (answer.status, answer.content[:300])
        assert {"type", "title", "status", "detail"} <= answer.json.keys()
        assert answer.json["status"] == answer.status
        assert str(answer.json["type"]).startswith("/problems/")
    assert (answer.status == 401) == ("WWW-Authenticate" in answer.headers)
    operation = operation_of(verb, address)
    if operation is None or answer.status == 405:
        return
    responses = operation["responses"]
    assert str(answer.status) in responses, f"{verb} {address} answered {answer.status}: {answer.content[:500]!r}"
    described = _described(operation, str(answer.status))
    content = described.get("content", {})
    if not content:
        assert answer.content == b""
        return
    assert answer.media_type in content, f"{verb} {address} answered with {answer.media_type}"
    if answer.json is not None:
        _validator(operation["operationId"], str(answer.status), answer.media_type).validate(answer.json)
    for name, header in described.get("headers", {}).items():
        assert name in answer.headers or not header["required"], f"{verb} {address} sent no {name}"
    for name in _SAID.intersection(answer.headers) - described.get("headers", {}).keys():
        raise AssertionError(f"{verb} {address} sent {name}, of which the document says nothing")


def _described(operation: dict[str, Any], status: str) -> dict[str, Any]:
    """An answer of an operation: its own, or one of those that are described once for all."""
    response: dict[str, Any] = operation["responses"][status]
    name = response.get("$ref", "").removeprefix("#/components/responses/")
    return document()["components"]["responses"][name] if name else response


def operation_of(verb: str, address: str) -> dict[str, Any] | None:
    """The operation that the document has for this request; None for HEAD, OPTIONS and what is not there."""
    raw = urlsplit(address).path
    found = [
        operations[verb.lower()]
        for template, operations in document()["paths"].items()
        if verb.lower() in operations and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), raw)
    ]
    # An action beside certificates of any name: its own template, without a name in it, is the one that is meant.
    exact = document()["paths"].get(unquote(raw), {}).get(verb.lower())
    return exact or (found or [None])[0]


@functools.cache
def _validator(operation_id: str, status: str, media_type: str) -> Any:
    for operations in document()["paths"].values():
        for operation in operations.values():
            if operation["operationId"] == operation_id:
                schema = _described(operation, status)["content"][media_type]["schema"]
                return jsonschema_rs.Draft202012Validator(
                    {**schema, "components": document()["components"]}, validate_formats=True
                )
    raise LookupError(operation_id)
