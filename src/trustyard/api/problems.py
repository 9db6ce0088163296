"""How errors look: RFC 9457 problem details, always, also where no operation was found."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from ninja.errors import HttpError, ValidationError

from trustyard.actions import requests
from trustyard.actions.retries import unavailable
from trustyard.errors import FieldError, MethodNotAllowed, NotFound, Refused, TooLarge, TrustyardError, sentence_of
from trustyard.pki.sentences import plural

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_TAGGED = ("source", "root_set", "left", "right")  # fields of several kinds: pydantic names the kind after them
TYPES = "/problems/"  # the type is this and the code; docs/errors.md has a paragraph for each


class Unreadable(TrustyardError):
    """The body is not what its media type says."""

    code, status, title = "unreadable", 400, "Unreadable"


class WrongMediaType(TrustyardError):
    """The body is of a type that this operation does not read."""

    code, status, title = "wrong-media-type", 415, "Wrong media type"


def problem(error: TrustyardError) -> HttpResponse:
    """The answer for an error: type, title, status, detail, the fields at fault, and what else the error carries."""
    body: dict[str, Any] = {
        "type": TYPES + error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    if error.fields:
        body["errors"] = [{"field": field.field, "message": field.message} for field in error.fields]
    if request_id := requests.current_id():
        body["request_id"] = request_id
    response = HttpResponse(
        json.dumps({**body, **error.extra, **body}, ensure_ascii=False), status=error.status, content_type=MEDIA_TYPE
    )
    if error.status == 401:
        bad = ', error="invalid_token"' if error.code in ("bad-token", "token-expired") else ""
        response["WWW-Authenticate"] = f'Bearer realm="trustyard"{bad}'  # RFC 6750, section 3
    if error.status == 503:
        response["Retry-After"] = "2"
    return response


def on_error(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    """Every exception of an operation as a problem. What nobody foresaw is logged and shown as a reference number."""
    if isinstance(error, Exception):
        known = _known(error)
        if known is not None:
            return problem(known)
    reference = requests.current_id() or secrets.token_hex(6)
    log.error("api.unforeseen", reference=reference, method=request.method, path=request.path, exc_info=error)
    return problem(TrustyardError(f"Something went wrong here. Reference: {reference}.", code="unforeseen"))


def _known(error: Exception) -> TrustyardError | None:
    match error:
        case TrustyardError():
            return error
        case ValidationError():
            return refused(error.errors)
        case HttpError() if isinstance(error.__cause__, TrustyardError):
            return error.__cause__  # ninja wraps whatever the parser of bodies raises
        case HttpError(status_code=400) | MultiPartParserError() | BadRequest() | UnreadablePostError():
            return Unreadable("The body cannot be read.")
        case RequestDataTooBig():
            return TooLarge("The body is too large.")
        case SuspiciousOperation():
            return requests.too_many(error) or Unreadable("The request cannot be read.")
    return unavailable(error)


def unknown_address(request: HttpRequest, rest: str = "") -> HttpResponse:
    """The 404 of every unknown address under /api/."""
    return problem(NotFound("There is nothing at this address.", advice="/api/v1/docs lists what is."))


def not_allowed(allowed: Iterable[str]) -> HttpResponse:
    """The 405 of an address that is there, with the verbs it knows."""
    verbs = ", ".join(sorted(allowed))
    response = problem(MethodNotAllowed("This address does not know this verb.", advice=f"It knows {verbs}."))
    response["Allow"] = verbs
    return response


def refused(errors: Iterable[Mapping[str, Any]]) -> Refused:
    """What pydantic found at fault, by our names of the fields. The first part of each `loc` says where it stood."""
    fields = [FieldError(_field(tuple(one["loc"]), one["type"]), _message(one)) for one in errors]
    first, others = fields[0], len(fields) - 1
    detail = f"{first.field}: {first.message}" if first.field else first.message
    more = f" {plural(others, 'more field')} {'is' if others == 1 else 'are'} at fault." if others else ""
    return Refused(detail + more, code="bad-fields", fields=fields)


def _field(loc: tuple[str | int, ...], type_: str) -> str:
    """`("body", "given", "entries", 0, "source", "file", "url")` as `entries.0.source.url`.

    The first part is where it stood, the second of a body the name of our parameter; what follows a source or a side
    is its kind.
    """
    parts = loc[2:] if loc[0] == "body" else loc[1:]
    shown: list[str | int] = []
    tagged = False
    for part in parts:
        if not tagged:
            shown.append(part)
        tagged = not tagged and part in _TAGGED
    if type_ == "union_tag_invalid":
        shown.append("kind")
    return ".".join(str(part) for part in shown)


def _message(one: Mapping[str, Any]) -> str:
    match one["type"]:
        case "union_tag_invalid":
            there = str(one["ctx"]["expected_tags"]).replace("'", "")
            what = "There is no such kind; it is" if one["ctx"]["tag"] else "This field is required:"
            return f"{what} one of {there}."
        case _:
            return sentence_of(one)
