"""The security headers of every answer that Django gives."""

from __future__ import annotations

import functools

from django.conf import settings

from .answers import Headers

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",  # what is not a static file is not stored by browsers or proxies either
}
HTTPS_HEADERS = {"strict-transport-security": "max-age=31536000"}


def secured(headers: Headers) -> Headers:
    """These headers, whose names are in lower case, and the default ones that are not among them."""
    present = {name for name, _ in headers}
    return [*headers, *(one for one in _ours() if one[0] not in present)]


@functools.cache
def _ours() -> Headers:
    wanted = HEADERS | HTTPS_HEADERS if settings.TRUSTYARD.https else HEADERS
    return [(name.encode(), value.encode()) for name, value in wanted.items()]
