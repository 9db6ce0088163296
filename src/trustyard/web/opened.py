"""Forms of something stored: what one was opened with travels in it, so that a conflict takes nobody's change back.

The same rule as `rebase` of actions/drafts, for forms that are not kept on the server.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core import signing
from django.http import HttpRequest

from trustyard.errors import StaleVersion

_SALT = "trustyard.opened"


@dataclass(frozen=True)
class Shown:
    """A form as it is shown: the version it is about, what was stored then (sealed, no secret), and its controls."""

    etag: str
    opened: str
    values: dict[str, str]


def shown(
    request: HttpRequest, etag: str, stored: Mapping[str, str], *, moved: bool = False, touched: Collection[str] = ()
) -> Shown:
    """The form of what is stored, which `stored` says as the form would send it; or the form that was sent, again.

    After a conflict (`moved`) what its author did not touch is shown as it is stored now, and the rest as it was typed.
    `touched` names what was changed by something that is no text, such as a file.
    """
    if request.method != "POST":
        return Shown(etag, _sealed(stored), dict(stored))
    sent = {name: request.POST.get(name, "") for name in stored}
    if not moved:
        # Refused for another reason: nobody has seen yet what is stored by now, so the version stays that of before.
        return Shown(request.POST.get("etag", ""), request.POST.get("opened", ""), sent)
    before = _unsealed(request.POST.get("opened", ""))
    mine = {name: text for name, text in sent.items() if name in touched or _plain(text) != before.get(name)}
    return Shown(etag, _sealed(stored), {**stored, **mine})


def typed(request: HttpRequest) -> dict[str, str]:
    """What the form that was sent says otherwise than when it was opened."""
    before = _unsealed(request.POST.get("opened", ""))
    return {name: text for name in before if _plain(text := request.POST.get(name, "")) != before[name]}


def sent(request: HttpRequest) -> dict[str, str]:
    """All that the form says of what it was opened with."""
    return {name: request.POST.get(name, "") for name in _unsealed(request.POST.get("opened", ""))}


def since(request: HttpRequest) -> datetime | None:
    """When what the form shows was read, to the second; None where the signature is wrong."""
    text = (request.POST or request.GET).get("opened", "")
    return datetime.fromtimestamp(signing.b62_decode(text.split(":")[-2]), UTC) if _unsealed(text) else None


def overtaken(what: str) -> StaleVersion:
    """What a form says when somebody else was quicker."""
    return StaleVersion(
        f"Somebody else changed this {what} meanwhile. Look at what is stored now, then save again.",
        advice="Saving again replaces what the other saved by what stands here.",
    )


def mark(name: str) -> str:
    """What a dialog about something carries, or a button that asks for it: `since` says when that was shown."""
    return _sealed({"name": name})


def _sealed(stored: Mapping[str, str]) -> str:
    return signing.dumps({name: _plain(text) for name, text in stored.items()}, salt=_SALT, compress=True)


def _unsealed(text: str) -> dict[str, Any]:
    """What was sealed; empty where the signature is wrong, so that every field counts as touched."""
    try:
        found: dict[str, Any] = signing.loads(text, salt=_SALT)
    except signing.BadSignature:
        return {}
    return found


def description(request: HttpRequest) -> str:
    """What stands in the box Description, with the line ends that were typed; a browser sends CRLF."""
    return _lines(request.POST.get("description", ""))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _plain(text: str) -> str:
    return _lines(text).strip("\n")  # a browser drops the first line break of a text area
