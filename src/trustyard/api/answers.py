"""How results look: JSON with the object's ETag, files to download, and deployments that may be waited for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from pydantic import TypeAdapter

from trustyard.actions import delivery, preflight, waiting
from trustyard.actions.files import File
from trustyard.models import Release

# For the router alone: it takes the header off, waits on the loop and fills the receipts in.
AWAIT = "X-Trustyard-Await"
LINES = "application/x-ndjson"
# A fifth of the time of the standard library, which lists of certificates notice.
_written = TypeAdapter(Any).dump_json


def shown(value: Any, *, status: int = 200, etag: str = "", location: str = "") -> HttpResponse:
    """A JSON answer in UTF-8."""
    response = HttpResponse(_written(value), status=status, content_type="application/json")
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
    own: waiting.Own | None = None,
) -> HttpResponse:
    """A JSON answer, with `deployment` when there are releases: the router waits `wait` seconds for their receipts."""
    final = last(value, releases, wait, own)
    response = shown(final.value, status=status, etag=etag, location=location)
    if final.wanted:
        response[AWAIT] = final.wanted
    return response


def last(value: dict[str, Any], releases: Sequence[Release], wait: float, own: waiting.Own | None = None) -> Final:
    """The value with its `deployment`, and what the router is to wait for; `own` is what the request was about."""
    numbers = [release.pk for release in releases]
    if not numbers:
        return Final(value)
    wanted = f"{','.join(map(str, numbers))};{wait:g}" if wait > 0 else ""
    found = {
        one.environment.name: {
            "findings": [note.json() for note in preflight.brought(one)],
            "besides": waiting.brought(one, own),
        }
        for one in releases
    }
    return Final(delivery.told(value, numbers, found), wanted)


def streamed(lines: Iterable[dict[str, Any] | Final]) -> StreamingHttpResponse:
    """JSON lines, sent while the work goes on; before the last one the router waits for receipts where it says so."""

    def written() -> Iterator[bytes]:
        for line in lines:
            text = _written(line.value if isinstance(line, Final) else line) + b"\n"
            yield f"{line.wanted}\0".encode() + text if isinstance(line, Final) and line.wanted else text

    response = StreamingHttpResponse(written(), content_type=LINES)
    response[AWAIT] = "lines"
    response["X-Accel-Buffering"] = "no"  # a proxy shall pass each line on as it comes
    return response


@dataclass(frozen=True)
class Final:
    """The last line of a stream, and which releases are to be waited for how long."""

    value: dict[str, Any]
    wanted: str = ""


def download(file: File) -> HttpResponse:
    """A file, with the name to save it under (RFC 6266)."""
    response = HttpResponse(file.data, content_type=file.media_type)
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=file.filename)
    return response
