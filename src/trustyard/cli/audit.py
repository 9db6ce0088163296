"""`trustyard audit`: who did what, from where, to what."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .addresses import path
from .certificate_screen import more
from .commands import Call, command, group
from .options import Cursor
from .screen import say, table

app = group("The audit: every change, chained by hash.")


@command(app, "list")
def list_(
    call: Call,
    *,
    actor: Annotated[str | None, typer.Option("--actor", help="Only what this user or token did.")] = None,
    object_: Annotated[str | None, typer.Option("--object", help="Only what was done to this object.")] = None,
    action: Annotated[
        str | None, typer.Option("--action", help="Only this action, such as certificate.create.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="From this moment on (RFC 3339).")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to this moment (RFC 3339).")] = None,
    request_id: Annotated[
        str | None, typer.Option("--request-id", metavar="ID", help="Only what this request did (X-Request-ID).")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many events (50 if not given).")] = 50,
    cursor: Cursor = None,
) -> None:
    """List what happened, newest first."""
    filters = {
        "actor": actor,
        "object": object_,
        "action": action,
        "since": since,
        "until": until,
        "request_id": request_id,
    }
    call.show(call.rest.all(path("audit"), filters, limit=limit, cursor=cursor), _listing)


def _listing(page: dict[str, Any]) -> None:
    if not page["items"]:
        say("No events match.")
        return
    table(
        ("At", "Actor", "From", "Action", "Object"),
        [(one["at"], one["actor"], one.get("address"), one["action"], _object(one)) for one in page["items"]],
    )
    more(page)


def _object(one: dict[str, Any]) -> str:
    return " ".join(str(part) for part in (one.get("object_kind"), one.get("object")) if part)
