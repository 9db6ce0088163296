"""What every operation shares: the gate before it, and the answers that it declares.

The gate, in this order: who is it (401), may this role do that (403), is the object there (404), was the version they
saw named (428) and is it still that one (412), then the body's presence, type and size (400, 415, 413). Only what
passes is read. A body over the router's own limit comes before all of this: it is not read to its end (413).
What may be answered wherever one asks is described once, in `openapi`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest
from ninja.openapi.schema import REF_TEMPLATE

from trustyard.actions.actors import Actor
from trustyard.actions.found import check_version
from trustyard.actions.permissions import require
from trustyard.models.versions import Versioned

from . import bodies
from .answers import LINES
from .authentication import actor_of
from .problems import MEDIA_TYPE
from .schemas.problems import DeployProblem, Problem


class Request(HttpRequest):
    """A request behind the gate."""

    auth: Actor


class Gate:
    """Judges a request before its body is read; ninja calls it where it would authenticate."""

    def __init__(
        self,
        permission: str,
        *,
        loads: Callable[..., Versioned] | None = None,
        media_types: tuple[str, ...] = (),
        optional: bool = False,
        most: int | None = None,
    ) -> None:
        self.permission = permission
        self.loads = loads
        self.media_types = media_types
        self.optional = optional
        self.most = most

    def __call__(self, request: HttpRequest) -> Actor:
        actor = actor_of(request)
        require(actor, self.permission)
        if self.loads is not None:
            match = request.resolver_match
            row = self.loads(actor, **(match.kwargs if match else {}))
            check_version(row, request.headers.get("If-Match"))
        if self.media_types:
            bodies.judge(request, self.media_types, optional=self.optional, most=self.most)
        return actor


def operation(
    permission: str,
    answers: Mapping[int, Any],
    *,
    summary: str,
    changes: Callable[..., Versioned] | None = None,
    reads: tuple[str, ...] = (),
    optional: bool = False,
    most: int | None = None,
    refusals: tuple[int, ...] = (),
    files: tuple[str, ...] = (),
    forms: Mapping[str, Any] | None = None,
    lines: bool = False,
    deploys: bool = False,
    headers: Mapping[str, Any] | None = None,
    conflict: type[Problem] | None = None,
) -> dict[str, Any]:
    """The keyword arguments of a ninja operation.

    `changes` loads the object that `If-Match` is about; `reads` are the media types of the body, which may be left out
    when it is `optional`; `most` are its bytes where they may be more than usual; `refusals` are the statuses besides
    those that follow from the rest; `files` are the media types of an answer to download; `forms` describe a body that
    the operation reads by itself; `lines` says that the answer may be had as JSON lines. What `deploys` may be refused
    because of a restored release; `headers` are those of the answer 200 besides those of an object; `conflict` is the
    problem of 409 where it says more than others.
    """
    statuses = set(refusals)
    statuses |= {404, 412, 428} if changes else set()
    statuses |= {415, 422} if reads else set()
    statuses |= {409} if deploys or conflict else set()
    conflict = conflict or (DeployProblem if deploys else Problem)
    # No operation answers a problem, it raises one: so these are described alone, and nothing is built to check them.
    responses: dict[int, Any] = {
        status: _described(conflict if status == 409 else Problem) for status in sorted(statuses)
    }
    extra: dict[str, Any] = {"responses": responses}
    if changes:
        extra["parameters"] = [IF_MATCH]
    if files:
        content = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in files}
        responses[200] = {"content": content}
    if lines:
        responses[200] = {"content": {LINES: {"schema": {"type": "string"}}}}
    if headers:
        responses.setdefault(200, {})["headers"] = headers
    if forms:
        content = {media_type: {"schema": schema} for media_type, schema in forms.items()}
        extra["requestBody"] = {"required": True, "content": content}
    return {
        "auth": Gate(permission, loads=changes, media_types=reads, optional=optional, most=most),
        "response": dict(answers),
        "by_alias": True,  # `from` is a word of Python's own
        "summary": summary,
        "openapi_extra": extra,
    }


def _described(model: type[Problem]) -> dict[str, Any]:
    return {"content": {MEDIA_TYPE: {"schema": {"$ref": REF_TEMPLATE.format(model=model.__name__)}}}}


IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "description": "The ETag of what you saw, a list of them, or *. Judged before all else (RFC 9110, section 13.1.1).",
    "schema": {"type": "string"},
}
