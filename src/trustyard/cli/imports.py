"""`trustyard cert import`: any number of files and folders, in batches, with bars where somebody watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from . import deployments
from .addresses import path
from .batches import MAX_CERTIFICATES, Batch, batches
from .commands import Call, command
from .failures import ERROR, Failure
from .options import DeployIfTold, members, names, password_of
from .progress import Progress
from .screen import clean, say, table

_SHOWN = 20  # rows of what is there already; the others are counted
_THERE = ("already-there", "double")


def register(app: typer.Typer) -> None:
    """Adds the command to `cert`."""
    command(app, "import")(import_)


def import_(
    call: Call,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Files (PEM, DER, PKCS#7, PKCS#12, JKS), folders with such files, or - for standard input.",
        ),
    ],
    *,
    env: Annotated[
        list[str], typer.Option("--env", metavar="ENV[,ENV…]", help="Its environments, with commas; may be repeated.")
    ],
    password: Annotated[
        str | None, typer.Option("--password", help="The password of the PKCS#12 and JKS files.")
    ] = None,
    password_file: Annotated[
        str | None, typer.Option("--password-file", metavar="FILE", help="A file whose first line is that password.")
    ] = None,
    batch: Annotated[
        int, typer.Option("--batch", metavar="N", min=1, max=MAX_CERTIFICATES, help="Certificates stored at a time.")
    ] = MAX_CERTIFICATES,
    deploying: DeployIfTold,
) -> None:
    """Take many certificates in, each under its own name; what cannot be taken is left out and named.

    More than 20,000 or 64 MB go in several batches. The same command again goes on where one was interrupted.
    """
    body = {"environments": names(env), "deploy": deploying.deploy, **deploying.confirmed()}
    body |= members(password=password_of(password, password_file))
    value = _imported(call, batches(paths, batch), body, deploying.wait)
    if not call.as_json:
        _left_out(value)
    call.done(value, lambda value: _show(value, names(env), deployed=deploying.deploy))
    if not value["stored"] and not any(row["code"] == "already-there" for row in value["left_out"]):
        raise typer.Exit(ERROR)


def _imported(call: Call, given: Iterator[Batch], body: dict[str, Any], wait: float | None) -> dict[str, Any]:
    """Sends one batch after the other, the last with the order to deploy; what all of them answered together."""
    whole: dict[str, Any] = {"stored": 0, "left_out": [], "certificates": [], "notices": [], "findings": []}
    number, following = 1, next(given, None)
    while following is not None:
        batch, following = following, next(given, None)
        whole["left_out"] += batch.unreadable
        sent = {**body, "files": batch.files, "deploy": body["deploy"] and following is None}
        with _going_on(whole, number), Progress() as progress:
            lines = call.rest.lines(path("certificates", "import"), sent, params={"wait": wait}, sent=progress.sent)
            answer = progress.follow(lines)
        stored, left_out = answer["stored"], answer["left_out"]  # no answer to an import lacks them
        if following is not None:
            say(f"Batch {number}: stored {stored}, {len(left_out)} left out or there already.", error=True)
        _add(whole, answer)
        number += 1
    return whole


@contextmanager
def _going_on(whole: dict[str, Any], number: int) -> Iterator[None]:
    """What is stored already is said when a later batch fails; the same command goes on from there."""
    try:
        yield
    except (Failure, KeyboardInterrupt) as error:
        if number > 1:
            said = f"Stored {whole['stored']} before this batch."
            say(f"{said} The same command again goes on from there: what is there already is passed over.", error=True)
        if isinstance(error, KeyboardInterrupt):
            raise Failure("Interrupted; whether the batch under way was stored is not known.") from None
        raise


def _add(whole: dict[str, Any], answer: dict[str, Any]) -> None:
    for key, value in answer.items():
        whole[key] = whole[key] + value if key in whole else value


def _show(value: dict[str, Any], environments: list[str], *, deployed: bool) -> None:
    for notice in value.get("notices", []):
        say(f"Notice: {clean(notice['item'])}: {clean(notice['message'])}", error=True)
    there = sum(row["code"] == "already-there" for row in value["left_out"])
    say(f"Stored {value['stored']} in {clean(', '.join(environments))}, {there} were there already.")
    if not deployed:
        deployments.findings(value.get("findings") or [], ", ".join(environments))
    if value["stored"] and not deployed:
        say("None of it is in force before a release: `trustyard release preview ENV` shows what the next one takes.")


def _left_out(value: dict[str, Any]) -> None:
    """What was left out, on standard error; of what is there already only the first rows."""
    refused = [row for row in value["left_out"] if row["code"] not in _THERE]
    there = [row for row in value["left_out"] if row["code"] in _THERE]
    rows = [*refused, *there[:_SHOWN]]
    if rows:
        table(("Left Out", "Reason"), [(row["item"], row["reason"]) for row in rows], error=True)
    if len(there) > _SHOWN:
        say(f"… and {len(there) - _SHOWN} more that are there already; --json names them all.", error=True)
