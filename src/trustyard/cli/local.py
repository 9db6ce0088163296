"""Local commands: they need the data directory or the database, not a server. Django is loaded when one runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer

from trustyard.errors import FieldError, TrustyardError
from trustyard.pki.sentences import plural
from trustyard.server import memory

from . import audit
from .commands import group
from .failures import Failure, Usage
from .options import at_terminal, names
from .screen import clean, json_text, say, table

tokens = group("API tokens: the keys of programs.")
users = group("People who sign in to the console.")


class Role(StrEnum):
    """The roles of the permission table."""

    admin = "admin"
    operator = "operator"
    viewer = "viewer"


Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name.")]
Environments = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="ENV[,ENV…]",
        help="Environments that an operator is for, comma separated (none: all). For operators alone.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _role(what: str) -> Any:
    return typer.Option(metavar="|".join(Role), help=what, show_default=False)


def register(app: typer.Typer) -> None:
    """Adds the local commands to the program."""
    app.command("serve")(serve)
    app.command("worker")(worker)
    app.command("check")(check)
    app.add_typer(tokens, name="token")
    app.add_typer(users, name="user")
    audit.app.command("verify")(audit_verify)


def serve() -> None:
    """Start the console, the REST API, xDS and deliveries. Settings are the variables TRUSTYARD_*."""
    with told():
        memory.begin()
        from trustyard.server.configuration import Configuration
        from trustyard.server.serve import serve as run

        run(Configuration.from_environment(), say)


def worker() -> None:
    """Do jobs and nothing else, beside servers on the same PostgreSQL. Settings are the variables TRUSTYARD_*."""
    with told():
        memory.begin()
        from trustyard.server.configuration import Configuration
        from trustyard.server.worker import work

        work(Configuration.from_environment(), say)


def check(as_json: AsJson = False) -> None:
    """Show the settings, and what would not work. Changes nothing; exits with 1 where something is wrong."""
    from trustyard.server.checking import findings, settings_shown

    settings, found = settings_shown(os.environ), list(findings(os.environ))
    failed = any(finding.error for finding in found)
    if as_json:
        shown = [dict(zip(("name", "value", "from"), setting, strict=True)) for setting in settings]
        said = [{"error": finding.error, "sentence": finding.sentence} for finding in found]
        say(json_text({"settings": shown, "findings": said}))
    else:
        table(("Setting", "Value", ""), settings)
        say()
        for finding in found:
            say(clean(f"{'Error' if finding.error else 'Note'}: {finding.sentence}"), error=finding.error)
        if not failed:
            say("Nothing is wrong.")
    if failed:
        raise typer.Exit(1)


@tokens.command("create")
def token_create(
    name: Name,
    role: Annotated[Role, _role("What its holder may do (operator if not given).")] = Role.operator,
    env: Environments = None,
    expires: Annotated[
        str,
        typer.Option(metavar="DAYSd|DAY", help="When it ends: 90d, or 2027-01-31 (none given: as late as allowed)."),
    ] = "",
) -> None:
    """Make an API token and print it, alone and once. Works beside a running server."""
    with database(new=True) as actor:
        from trustyard.actions import tokens as actions

        _, secret = actions.create(actor, name, role=role.value, environments=names(env), expires=expires)
        say(secret)


@tokens.command("list")
def token_list(as_json: AsJson = False) -> None:
    """List the API tokens, the revoked ones too."""
    with database() as actor:
        from trustyard.actions import tokens as actions

        rows = [actions.token_json(row) for row in actions.find(actor)]
    columns = ("name", "role", "environments", "made_by", "created_at", "expires_at", "last_used_at", "revoked_at")
    _show(rows, columns, as_json=as_json)


@tokens.command("revoke")
def token_revoke(name: Name) -> None:
    """End an API token at once."""
    with database() as actor:
        from trustyard.actions import tokens as actions

        row = actions.revoke(actor, name)
        say(f"The token {clean(row.name)} is revoked.")


@users.command("add")
def user_add(
    name: Name,
    role: Annotated[Role, _role("What they may do (viewer if not given).")] = Role.viewer,
    env: Environments = None,
) -> None:
    """Add a person. The password is asked for, or is the first line of standard input."""
    with database(new=True) as actor:
        from trustyard.actions import users as actions

        places = names(env)
        actions.check_new(actor, name, role=role.value, environments=places)
        row = actions.create(actor, name, password=_password(), role=role.value, environments=places)
        say(f"{clean(row.username)} can sign in.")


@users.command("list")
def user_list(as_json: AsJson = False) -> None:
    """List the people."""
    with database() as actor:
        from trustyard.actions import users as actions

        rows = [actions.user_json(row) for row in actions.find(actor)]
    columns = (
        "username",
        "role",
        "environments",
        "active",
        "sign_in",
        "second_factor",
        "created_at",
        "last_sign_in_at",
    )
    _show(rows, columns, as_json=as_json)


@users.command("edit")
def user_edit(
    name: Name,
    role: Annotated[Role | None, _role("What they may do from now on.")] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="ENV[,ENV…]", help="Environments that an operator is for from now on, comma separated."),
    ] = None,
    all_env: Annotated[bool, typer.Option("--all-env", help="An operator is for all environments again.")] = False,
) -> None:
    """Change a person's role or environments: what is not given stays. A new operator needs --env or --all-env."""
    if env and all_env:
        raise Usage("--env and --all-env say different things: give one.")
    if role is None and not env and not all_env:
        raise Usage("Nothing to change: see `trustyard user edit --help`.")
    places = names(env) if env or all_env else None
    with database() as actor:
        from trustyard.actions import users as actions

        stored = actions.get(actor, name)
        version = actions.version(stored)
        if role == Role.operator and places is None and stored.role != Role.operator:
            raise Usage("Say which environments the operator is for: --env, or --all-env.")
        row = actions.update(actor, name, role=role.value if role else None, environments=places, if_match=version)
        limits = ", ".join(actions.user_json(row)["environments"]) or "all environments"
        said = f"{row.role}, for {limits}" if row.role == Role.operator else row.role
        say(clean(f"{row.username} has the role {said}."))
        if actions.of_provider(row):
            say("Note: At the next sign-in the company's provider says again which role this is.", error=True)


@users.command("password")
def user_password(name: Name) -> None:
    """Give a person a new password: asked for, or the first line of standard input."""
    with database() as actor:
        from trustyard.actions import users as actions

        row = actions.with_password(actor, name)
        row = actions.set_password(actor, row.username, _password())
        say(f"{clean(row.username)} has a new password. Sessions that the old one opened have ended.")


@users.command("disable")
def user_disable(name: Name) -> None:
    """End a person's sign-in at once; what they did stays in the audit."""
    with database() as actor:
        from trustyard.actions import users as actions

        row = actions.disable(actor, name)
        say(f"{clean(row.username)} cannot sign in any more.")


@users.command("enable")
def user_enable(name: Name) -> None:
    """Let a person who was disabled sign in again, with the password and the role that they had."""
    with database() as actor:
        from trustyard.actions import users as actions

        row = actions.enable(actor, name)
        say(f"{clean(row.username)} can sign in again.")


@users.command("sessions")
def user_sessions(name: Name, as_json: AsJson = False) -> None:
    """List where a person is signed in to the console."""
    with database() as actor:
        from trustyard.actions import sessions
        from trustyard.actions import users as actions

        rows = [sessions.session_json(row) for row in sessions.find(actor, actions.get(actor, name))]
    _show(rows, ("browser", "address", "started_at", "last_seen_at"), as_json=as_json)


@users.command("sign-out")
def user_sign_out(name: Name) -> None:
    """End a person's sessions at once, on every node. They can sign in again."""
    with database() as actor:
        from trustyard.actions import sessions
        from trustyard.actions import users as actions

        ended = sessions.end_all(actor, actions.get(actor, name))
        many = "The session has ended." if ended == 1 else f"{ended} sessions have ended."
        say(f"{clean(name)} is signed out. {many}" if ended else f"{clean(name)} was not signed in.")


@users.command("reset-mfa")
def user_reset_mfa(name: Name) -> None:
    """Take a person's second factors away, and end their sessions: for who lost them."""
    with database() as actor:
        from trustyard.actions import second_factors as actions

        taken = actions.reset(actor, name)
        say(f"{clean(name)} has no second factor any more." if taken else f"{clean(name)} had no second factor.")


def audit_verify() -> None:
    """Walk the chain of audit events; exits with 1 where one was changed, taken out or put in."""
    with database():
        from trustyard.actions import audit as actions

        verdict = actions.verify()
    if verdict.ok:
        say(f"{plural(verdict.events, 'event')}, and each fits the one before it.")
        return
    where = f"at event {verdict.broken_at}" if verdict.broken_at else "at its end"
    raise Failure(f"The chain is broken {where}: {verdict.reason}.")


@contextmanager
def told() -> Iterator[None]:
    """Errors as sentences: raises `Failure`."""
    try:
        yield
    except TrustyardError as error:
        details = [f"{one.field}: {one.message}" for one in error.fields if one.message not in error.sentence]
        raise Failure(error.sentence, advice=error.advice, details=details) from None
    except Exception as error:
        if not _of_the_database(error):
            raise
        from trustyard.server.opening import in_words

        advice = "`trustyard check` says what is set, and more of what is wrong."
        raise Failure(f"The database does not do what it was asked: {in_words(error)}", advice=advice) from None


def _of_the_database(error: Exception) -> bool:
    """Whether it is one of Django's: a disk that is full, a file of another user, a server that went away."""
    django = sys.modules.get("django.db")
    return django is not None and isinstance(error, django.DatabaseError)


@contextmanager
def database(*, changes: bool = True, new: bool = False) -> Iterator[Any]:
    """The database, migrated unless told otherwise; gives the actor that the audit shows for the command line.

    With `new` one is made where there is none: who reads must not take an empty one for the server's.
    """
    with told():
        with memory.uncollected():
            from trustyard.server.configuration import Configuration
            from trustyard.server.datadir import has_database
            from trustyard.server.opening import open_database

            configuration = Configuration.from_environment()
            first = new and configuration.sqlite and not has_database(configuration)
            open_database(configuration, changes=changes, new=new)
            from trustyard.actions.actors import LOCAL

        if first:
            folder = clean(str(configuration.data_dir))
            say(
                f"Note: The data directory {folder} is new: a server that runs on another one knows nothing of this.",
                error=True,
            )
        yield LOCAL


def _password() -> str:
    if at_terminal():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    line = sys.stdin.readline().rstrip("\r\n") if sys.stdin is not None else ""  # None: closed by the caller
    if not line:
        sentence = "The password is the first line of standard input, and there was none."
        raise TrustyardError(sentence, fields=[FieldError("password", sentence)])
    return line


def _show(rows: list[dict[str, Any]], columns: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        say(json_text(rows))
        return
    titles = [column.replace("_", " ").capitalize() for column in columns]
    table(titles, [[_cell(row[column]) for column in columns] for row in rows])


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "all"  # the environments
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
