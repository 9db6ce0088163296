"""What stands in the headers of requests, and how those of answers are described."""

from __future__ import annotations

from typing import Any

HEADERS = {
    "ETag": {"description": "The stored version, for If-Match.", "schema": {"type": "string"}},
    "Location": {"description": "Where it is from now on.", "schema": {"type": "string"}},
    "Content-Disposition": {"description": "The name to save it under (RFC 6266).", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "RFC 6750.", "schema": {"type": "string"}},
    "Retry-After": {"description": "When to come again, in seconds.", "schema": {"type": "integer"}},
}


def described(*names: str, always: bool = True) -> dict[str, Any]:
    """These headers as OpenAPI describes them; not `always` where only some answers of a status have them."""
    return {name: {**HEADERS[name], "required": always} for name in names}


def bearer(authorization: str) -> str:
    """The token that a header `Authorization` holds (RFC 6750, section 2.1); empty where it holds none."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
