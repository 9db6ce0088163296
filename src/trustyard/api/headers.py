"""What stands in the headers of requests."""

from __future__ import annotations


def bearer(authorization: str) -> str:
    """The token that a header `Authorization` holds (RFC 6750, section 2.1); empty where it holds none."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
