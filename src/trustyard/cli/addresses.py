"""Where the server is unless somebody says otherwise, and the addresses of its REST API."""

from __future__ import annotations

from urllib.parse import quote

from .failures import Usage

DEFAULT_URL = "http://127.0.0.1:8400"


def path(*segments: str) -> str:
    """An address below `/api/v1`; names are percent-encoded whole, slashes too."""
    for segment in segments:
        if segment in ("", ".", ".."):
            raise Usage(f"{segment!r} is no name.")
    return "/api/v1/" + "/".join(quote(segment, safe="") for segment in segments)
