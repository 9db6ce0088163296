"""The JWK Set that an environment publishes."""

from __future__ import annotations

from trustyard.actions import published


def published_jwks(environment: str) -> bytes:
    """As JSON; empty where there is none."""
    edition = published.edition(environment, published.JWKS)
    return edition.document.body if edition and edition.document else b""
