"""`trustyard cert chain` and `trustyard cert compare`: who issued an entry, and what two certificates differ in."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from . import chain_screen as screen
from .addresses import path
from .certificate_screen import choice
from .certificates import Environment, Inspected, source_of
from .commands import Call, command
from .failures import Failure, Usage
from .options import LocalSource, Name, SourceOptions, fingerprint


def register(app: typer.Typer) -> None:
    """Adds the commands to `cert`."""
    command(app, "chain")(chain)
    command(app, "compare")(compare)


def chain(call: Call, name: Name, *, env: Environment) -> None:
    """Show the chain of an entry: issuers up to the root, what is missing or foreign, and which anchors end it."""
    answer = call.rest.get(path("certificates", name, "entries", env, "chain"))
    call.show(answer.json, screen.chain)


def compare(
    call: Call,
    left: Annotated[
        str, typer.Argument(metavar="LEFT", help="With --env a certificate's name, else an address or a file.")
    ],
    right: Annotated[
        str | None, typer.Argument(metavar="RIGHT", help="An address (https://…, ldaps://…) or a file.")
    ] = None,
    *,
    env: Annotated[
        str | None, typer.Option("--env", metavar="ENV", help="LEFT is the entry of a certificate in this environment.")
    ] = None,
    with_: Annotated[
        str | None, typer.Option("--with", metavar="NAME", help="Compare with the entry of this certificate.")
    ] = None,
    with_env: Annotated[
        str | None,
        typer.Option("--with-env", metavar="ENV", help="The environment of that entry (as --env if not given)."),
    ] = None,
    given: SourceOptions,
    inspected: Inspected = None,
    choose_left: Annotated[
        str | None, typer.Option("--choose-left", metavar="SHA256", help="Which certificate of LEFT, of several.")
    ] = None,
    choose: Annotated[
        str | None, typer.Option("--choose", metavar="SHA256", help="Which certificate of the other side, of several.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="List what is the same too.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 where they differ.")] = False,
) -> None:
    """Compare two certificates, differences first; an entry with its live server if nothing else is named."""
    source = source_of(given.given(), inspected)
    named = [one for one in (right, with_ or with_env, source) if one is not None]
    if len(named) > 1:
        raise Usage("Name one other side: a second argument, --with, --url, --file, --paste or --inspected.")
    if env is None and not (right or source):
        raise Usage("Compare with what? Name a second file or address, or give --env for an entry.")
    if env is None and (with_ or with_env):
        raise Usage("--with and --with-env go with --env.")
    body = {
        "left": _unstored(left, choose_left) if env is None else _entry(left, env, choose_left),
        "right": _right(left, right, env, with_, with_env, source, choose),
    }
    with choice():
        answer = call.rest.send("POST", path("certificates", "compare"), body)
    call.show(answer.json, lambda value: screen.comparison(value, everything=all_))
    if exit_code and not answer.json["same"]:
        raise typer.Exit(1)


def _right(
    left: str,
    right: str | None,
    env: str | None,
    with_: str | None,
    with_env: str | None,
    source: dict[str, Any] | None,
    choose: str | None,
) -> dict[str, Any]:
    if source is not None:
        return _source(source, choose)
    if right is not None:
        return _place(right, choose)
    assert env is not None  # else there is nothing to compare with, which was refused
    if with_ or with_env:
        return _entry(with_ or left, with_env or env, choose)
    return {**_entry(left, env, choose), "live": True}


def _entry(name: str, env: str, choose: str | None) -> dict[str, Any]:
    if choose is not None:
        raise Usage("An entry is one certificate: --choose goes with a file or an address.")
    return {"certificate": name, "environment": env}


def _unstored(left: str, choose: str | None) -> dict[str, Any]:
    try:
        return _place(left, choose)
    except Failure as failure:
        if failure.advice:
            failure.advice += " The name of a certificate goes with --env."
        raise


def _place(place: str, choose: str | None) -> dict[str, Any]:
    found = LocalSource().at(place)
    assert found is not None  # a place was given
    return _source(found, choose)


def _source(source: dict[str, Any], choose: str | None) -> dict[str, Any]:
    return {"source": source} if choose is None else {"source": source, "choose": fingerprint(choose)}
