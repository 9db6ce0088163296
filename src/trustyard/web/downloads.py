"""Files that the browser saves."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from trustyard.actions.files import File


def download(file: File) -> HttpResponse:
    """A file to save."""
    response = HttpResponse(file.data, content_type=file.media_type)
    response["Content-Disposition"] = content_disposition_header(True, file.filename) or "attachment"
    return response
