"""`trustyard release`: what environments were given, when, and what their gateways said of it."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from . import deployments, differences, previews
from .addresses import path
from .certificate_screen import more
from .commands import Call, command, group
from .failures import Failure, Usage
from .files import save
from .options import Deploying, Output, Paging, Waiting, members
from .screen import clean, facts, say, table

app = group("Releases: numbered, never changed.")

Environment = Annotated[str, typer.Argument(metavar="ENV", help="The environment.")]
Number = Annotated[int, typer.Argument(metavar="N", min=1, help="Its number.")]
Note = Annotated[str | None, typer.Option("--note", help="What it is for; kept with the release.")]


@command(app, "list")
def list_(call: Call, environment: Environment, *, paging: Paging) -> None:
    """List the releases of an environment, newest first."""
    address = path("environments", environment, "releases")
    call.show(call.rest.all(address, {}, limit=paging.limit, cursor=paging.cursor), _listing)


@command(app, "show")
def show(
    call: Call,
    environment: Environment,
    number: Annotated[int | None, typer.Argument(metavar="N", min=1, help="Its number.")] = None,
    *,
    at: Annotated[
        str | None, typer.Option("--at", metavar="MOMENT", help="What was in force then: 2026-03-03T14:00:00Z.")
    ] = None,
) -> None:
    """Show a release: what was left out of it, and what each gateway said."""
    if (number is None) == (at is None):
        raise Usage("Which release? Give its number, or a moment with --at.")
    if at is None:
        call.show(call.rest.get(path("environments", environment, "releases", str(number))).json, _one)
        return
    found = call.rest.get(path("environments", environment, "releases"), {"at": at}).json["items"]
    if not found:
        raise Failure(f"Nothing was in force in {environment} at {at}: there was no release yet.")
    call.show(found[0], _one)


@command(app, "diff")
def diff(
    call: Call,
    environment: Environment,
    number: Number,
    against: Annotated[
        str | None, typer.Argument(metavar="M", help="Another release, or `saved` (the one before if not given).")
    ] = None,
) -> None:
    """Show what a release changed against another one; against `saved`: what the next release would change."""
    address = path("environments", environment, "releases", str(number), "diff")
    call.show(call.rest.get(address, {"against": against}).json, _difference)


@command(app, "preview")
def preview(call: Call, environment: Environment) -> None:
    """Show what the next release would change, and what each gateway would make of it."""
    call.show(call.rest.send("POST", path("environments", environment, "releases", "preview")).json, previews.show)


@command(app, "deploy")
def deploy(call: Call, environment: Environment, *, note: Note = None, deploying: Deploying) -> None:
    """Put in force what is saved. Nothing changed: delivery to gateways that lack the newest release is tried again."""
    body = {**members(note=note), **deploying.confirmed()}
    address = path("environments", environment, "releases")
    answer = call.rest.send("POST", address, body, params={"wait": deploying.wait})
    call.done(answer.json, lambda value: _deployed(value, environment, new=answer.status == 201))


@command(app, "restore")
def restore(
    call: Call,
    environment: Environment,
    number: Number,
    *,
    preview: Annotated[bool, typer.Option("--preview", help="Only show what would change.")] = False,
    previewed: Annotated[
        str | None,
        typer.Option("--previewed", metavar="VERSION", help="Only as `--preview --json` said it, by its `version`."),
    ] = None,
    note: Note = None,
    waiting: Waiting,
) -> None:
    """Put an old release's content in force again, as a new release; says what it cannot bring back."""
    if preview and previewed is not None:
        raise Usage("--previewed is for what comes after --preview.")
    address = path("environments", environment, "releases", str(number), "restore")
    if preview:
        call.show(call.rest.send("POST", address, {"preview": True}).json, _restoration)
        return
    body = members(note=note, version=previewed)
    answer = call.rest.send("POST", address, body, params={"wait": waiting.wait})
    call.done(answer.json, lambda value: _deployed(value, environment, new=answer.status == 201))


@command(app, "download")
def download(call: Call, environment: Environment, number: Number, *, output: Output = None) -> None:
    """Write a release as a folder in a ZIP archive: truststores, aliases, jwks.json, manifest.json and SHA256SUMS."""
    answer = call.rest.download(path("environments", environment, "releases", str(number), "download"))
    save(call, answer, output, otherwise="release.zip")


def _difference(one: dict[str, Any]) -> None:
    start = "nothing" if one["from"] is None else f"release {one['from']}"
    end = "what is saved" if one["to"] == "saved" else f"release {one['to']}"
    say(clean(f"From {start} to {end} of {one['environment']}:"))
    differences.show(one)


def _restoration(one: dict[str, Any]) -> None:
    say(clean(f"Restoring release {one['release']} of {one['environment']} would change:"))
    differences.show(one["difference"], nothing="Nothing: it is in force already.")
    deployments.left_out(one["left_out"], "it")


def _deployed(one: dict[str, Any], environment: str, *, new: bool) -> None:
    done = "Made release" if new else "Nothing changed: the newest is release"
    say(clean(f"{done} {one['number']} of {one.get('environment') or environment} ({one['digest'][:16]})."))


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
                ", ".join(f"{count} {state}" for state, count in Counter(g["state"] for g in one["gateways"]).items())
                or "none",
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
        [(each["gateway"], each["node"] or "-", each["state"], deployments.words(each)) for each in one["gateways"]],
    )
    deployments.left_out(one.get("left_out") or [], "this release")
