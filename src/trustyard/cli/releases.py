"""`trustyard release`: what environments were given, when, and what their gateways said of it."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from . import deployments
from .certificate_screen import more
from .commands import Call, command, group
from .options import Paging, Waiting
from .rest import path
from .screen import clean, facts, say, table

app = group("Releases: numbered, never changed.")

Environment = Annotated[str, typer.Argument(metavar="ENV", help="The environment.")]


@command(app, "list")
def list_(call: Call, environment: Environment, *, paging: Paging) -> None:
    """List the releases of an environment, newest first."""
    address = path("environments", environment, "releases")
    call.show(call.rest.all(address, {}, limit=paging.limit, cursor=paging.cursor), _listing)


@command(app, "show")
def show(
    call: Call, environment: Environment, number: Annotated[int, typer.Argument(metavar="N", min=1, help="Its number.")]
) -> None:
    """Show a release: what was left out of it, and what each gateway said."""
    call.show(call.rest.get(path("environments", environment, "releases", str(number))).json, _one)


@command(app, "deploy")
def deploy(
    call: Call,
    environment: Environment,
    *,
    note: Annotated[str | None, typer.Option("--note", help="What it is for; kept with the release.")] = None,
    waiting: Waiting,
) -> None:
    """Put in force what is saved. Nothing changed: delivery to gateways that lack the newest release is tried again."""
    body = {"note": note} if note is not None else {}
    address = path("environments", environment, "releases")
    answer = call.rest.send("POST", address, body, params={"wait": waiting.wait})
    call.done(answer.json, lambda value: _deployed(value, environment, new=answer.status == 201))


def _deployed(one: dict[str, Any], environment: str, *, new: bool) -> None:
    done = "Made release" if new else "Nothing changed: the newest is release"
    say(clean(f"{done} {one['number']} of {environment} ({one['digest'][:16]})."))


def _listing(page: dict[str, Any]) -> None:
    if not page["items"]:
        say("No release yet: make one with `trustyard release deploy ENV`.")
        return
    table(
        ("Release", "Made", "By", "Gateways", "Left Out", "Note"),
        [
            (
                one["number"],
                one["created_at"],
                one["made_by"],
                ", ".join(f"{count} {state}" for state, count in Counter(g["state"] for g in one["gateways"]).items()),
                len(one.get("left_out") or []),
                one.get("note"),
            )
            for one in page["items"]
        ],
    )
    more(page)


def _one(one: dict[str, Any]) -> None:
    facts(
        [
            ("Release", one["number"]),
            ("Environment", one.get("environment")),
            ("Digest", one["digest"]),
            ("Made", f"{one['created_at']} by {one['made_by']}"),
            ("Restored From", one.get("restored_from")),
            ("Note", one.get("note")),
        ]
    )
    say()
    table(
        ("Gateway", "Node", "State", "Detail"),
        [(each["gateway"], each["node"] or "-", each["state"], each["detail"]) for each in one["gateways"]],
    )
    deployments.left_out(one.get("left_out") or [], "this release")
