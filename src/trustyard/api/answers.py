"""How results look: JSON with the object's ETag, files to download, and deployments that may be waited for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from trustyard.actions import delivery
from trustyard.actions.files import File
from trustyard.models import Release

# For the router alone: it takes the header off, waits on the loop and fills the receipts in.
AWAIT = "X-Trustyard-Await"


def shown(value: Any, *, status: int = 200, etag: str = "", location: str = "") -> HttpResponse:
    """A JSON answer in UTF-8."""
    response = HttpResponse(json.dumps(value, ensure_ascii=False), status=status, content_type="application/json")
    if etag:
        response["ETag"] = etag
    if location:
        response["Location"] = location
    return response


def deployed(
    value: dict[str, Any],
    releases: Sequence[Release],
    wait: float,
    *,
    status: int = 200,
    etag: str = "",
    location: str = "",
) -> HttpResponse:
    """A JSON answer, with `deployment` when there are releases: the router waits `wait` seconds for their receipts."""
    numbers = [release.pk for release in releases]
    if numbers:
        value = {**value, "deployment": delivery.deployment(numbers)}
    response = shown(value, status=status, etag=etag, location=location)
    if numbers and wait > 0:
        response[AWAIT] = f"{','.join(map(str, numbers))};{wait:g}"
    return response


def download(file: File) -> HttpResponse:
    """A file, with the name to save it under (RFC 6266)."""
    response = HttpResponse(file.data, content_type=file.media_type)
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=file.filename)
    return response
