"""`trustyard truststore`: what an environment trusts, row by row or as a file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from . import deployments
from .addresses import path
from .certificate_screen import more
from .commands import Call, command, group
from .files import save
from .options import Output, Paging, Query, Status
from .screen import clean, day, say, table

app = group("Truststores: what environments trust.")

Environment = Annotated[str, typer.Argument(metavar="ENV", help="The environment.")]


@command(app, "list")
def list_(
    call: Call,
    environment: Environment,
    *,
    search: Query = None,
    origin: Annotated[
        Literal["certificate", "root"] | None, typer.Option("--origin", help="Only certificates, or only roots.")
    ] = None,
    status: Status = None,
    severity: Annotated[
        Literal["error", "warning", "notice"] | None,
        typer.Option("--severity", help="Only rows with a finding of this severity."),
    ] = None,
    finding: Annotated[
        str | None, typer.Option("--finding", metavar="CODE", help="Only rows with this finding (docs/findings.md).")
    ] = None,
    paging: Paging,
) -> None:
    """List what is in force, and what is saved and waits or is left out."""
    filters = {"q": search, "origin": origin, "status": status, "severity": severity, "finding": finding}
    address = path("environments", environment, "truststore")
    answer = call.rest.all(address, filters, limit=paging.limit, cursor=paging.cursor)
    call.show(answer, lambda page: _listing(page, environment))


@command(app, "export")
def export(
    call: Call,
    environment: Environment,
    *,
    format_: Annotated[
        Literal["pem", "zip", "pkcs7", "pkcs12", "jks"], typer.Option("--format", help="What to write.")
    ] = "pem",
    include: Annotated[
        Literal["all", "used", "roots"],
        typer.Option("--include", help="Everything, certificates without the root set, or the root set alone."),
    ] = "all",
    password: Annotated[
        str | None,
        typer.Option("--password", help="For pkcs12 (ASCII alone) and jks; changeit, as Java's own, if not given."),
    ] = None,
    output: Output = None,
) -> None:
    """Write the truststore in force to a file."""
    wanted = {"format": format_, "include": include, "password": password}
    answer = call.rest.download(path("environments", environment, "truststore", "export"), wanted)
    save(call, answer, output, otherwise=f"truststore.{format_}")


def _listing(page: dict[str, Any], environment: str) -> None:
    if page["items"]:
        _rows(page)
    else:
        say("Nothing matches, or nothing is trusted here yet.")
    if release := page.get("release"):
        _not_accepted(release, environment)


def _not_accepted(release: dict[str, Any], environment: str) -> None:
    """Which gateways do not have what is in force, in their own words."""
    objections = deployments.not_accepted({"environments": [{"environment": environment, **release}]})
    if objections:
        say(clean(f"Release {release['number']} of {environment} is in force, but not accepted everywhere:"))
    for sentence in objections:
        say(clean(f"  {sentence}"))


def _rows(page: dict[str, Any]) -> None:
    table(
        ("Alias", "Origin", "Certificate Name", "Serial Number", "Valid Until", "Status", "In Force"),
        [
            (
                one["alias"],
                one["origin"],
                one["certificate_name"],
                one["serial_hex"],
                day(one["not_after"]),
                one["status"],
                _in_force(one),
            )
            for one in page["items"]
        ],
    )
    more(page)


def _in_force(one: dict[str, Any]) -> str:
    pending = one.get("pending")
    if not pending:
        return "yes"
    if pending == "added" and one.get("left_out"):
        return f"no, left out: {one['left_out']}"
    reason = f": {one['reason']}" if one.get("reason") else ""
    return f"{'no' if pending == 'added' else 'yes'}, {pending} with the next release{reason}"
