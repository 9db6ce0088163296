"""`trustyard trust`: would an environment accept this server or client, before anything is deployed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import typer

from .addresses import path
from .certificate_screen import choice
from .certificates import Choose, Environment, Inspected, source_of
from .commands import Call, command, group
from .failures import ERROR, Usage
from .options import LocalSource, fingerprint, members
from .screen import clean, facts, notices, say

app = group("Trust checks: would this server or client be accepted?")


@command(app, "check")
def check(
    call: Call,
    address: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="An address (https://…, ldaps://…) or a file.")
    ] = None,
    *,
    env: Environment,
    given: LocalSource,
    inspected: Inspected = None,
    choose: Choose = None,
    purpose: Annotated[Literal["server", "client"], typer.Option("--purpose", help="What it is used for.")] = "server",
    name: Annotated[
        str | None,
        typer.Option("--name", help="The host or address that it must be for (that of SOURCE if not given)."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="MOMENT", help="When, as 2027-01-31T12:00:00Z (now if not given).")
    ] = None,
    trust: Annotated[
        str, typer.Option("--trust", metavar="WHAT", help="all, used (without the root set) or an alias.")
    ] = "all",
    state: Annotated[
        Literal["saved", "in force"],
        typer.Option("--state", help="What the next release would hold, or what is in force."),
    ] = "saved",
) -> None:
    """Say whether the environment's truststore accepts it, by which rule, and what to add. Refused: exit code 1."""
    source = source_of(given.at(address), inspected)
    if source is None:
        raise Usage("Name a source: `trust check https://…`, a file, --paste or --inspected.")
    body = {"source": source, "purpose": purpose, "trust": trust, "state": state, **members(name=name, moment=at)}
    if choose is not None:
        body["choose"] = fingerprint(choose)
    with choice():
        answer = call.rest.send("POST", path("environments", env, "trust-check"), body).json
    call.show(answer, _answer)
    if answer["verdict"] != "accepted":
        raise typer.Exit(ERROR)


def _answer(answer: dict[str, Any]) -> None:
    say(f"{answer['verdict'].capitalize()}: {clean(answer['message'])}")
    say()
    facts(
        [
            ("Rule", f"{answer['rule']['code']} ({answer['rule']['source']})"),
            ("Certificate", answer["certificate"]["certificate_name"]),
            ("Environment", _truststore(answer)),
            ("Asked", _asked(answer)),
            *((f"{one['name']} {one['version']}", f"{one['verdict']}: {one['words']}") for one in answer["validators"]),
            ("Not Followed", answer.get("difference")),
        ]
    )
    _list("Path" if answer["reaches_anchor"] else "Path, which ends at no anchor", map(_step, answer["path"]))
    _list("Also", (one["message"] for one in answer["remarks"][1:]))
    _list("To add", (one["message"] for one in answer["advice"]))
    notices(answer)


def _truststore(answer: dict[str, Any]) -> str:
    held = "saved" if answer["state"] == "saved" else f"in force, release {answer['release'] or 'none'}"
    return f"{answer['environment']}, {answer['trust']} ({answer['anchors']} trusted, {held})"


def _asked(answer: dict[str, Any]) -> str:
    name = f" under the name {answer['name']}" if answer["name"] else ", no name compared"
    return f"as a {answer['purpose']}{name}, at {answer['moment']}"


def _step(step: dict[str, Any]) -> str:
    alias = f", alias {step['alias']}" if step["alias"] else ""
    return f"{step['certificate_name']} ({step['place']}{alias}, until {step['not_after'][:10]})"


def _list(title: str, lines: Iterable[str]) -> None:
    kept = list(lines)
    if kept:
        say(f"\n{title}:")
        for line in kept:
            say(f"  {clean(line)}")
