"""`trustyard agent`: runs on a gateway's host and keeps its folder of releases; it knows the server by HTTP alone."""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from trustyard.errors import Refused

from .failures import NOT_DELIVERED, Failure
from .screen import Unwritten, clean, say


def register(app: typer.Typer) -> None:
    """Adds the command to the program."""
    app.command("agent")(agent)


def agent(
    config: Annotated[
        Path, typer.Option("--config", metavar="FILE", help="The agent's file, as `gateway bootstrap` prints it.")
    ],
    once: Annotated[
        bool, typer.Option("--once", help="Ask once and end: 0 in force, 1 Trustyard is away, 4 not taken.")
    ] = False,
) -> None:
    """Keep this host's truststores as Trustyard has them: pull, check, reload, or roll back. Runs until SIGTERM."""
    # Loaded here, for the other commands need none of it.
    from trustyard.gateways.agent.configuration import read
    from trustyard.gateways.agent.pulling import Away, Trustyard
    from trustyard.gateways.agent.running import Agent

    try:
        configuration = read(config)
        if configuration.token and config.stat().st_mode & stat.S_IRWXO:
            say(clean(f"Note: everybody on this host can read the token in {config}: chmod 600 it."), error=True)
        with Trustyard(configuration) as trustyard:
            running = Agent(configuration, trustyard, _say)
            if not once:
                say(clean(f"The agent of {configuration.environment} keeps {configuration.folder}."))
                running.run()
                return
            state = running.once()
    except Refused as error:
        details = [f"{one.field}: {one.message}" if one.field else one.message for one in error.fields]
        raise Failure(error.sentence, details=details) from None
    except Away as error:
        raise Failure(str(error)) from None
    if state is None:
        say("Nothing is new.")
    elif state != "accepted":
        raise typer.Exit(NOT_DELIVERED)


def _say(words: str) -> None:
    with suppress(Unwritten):  # a full disk takes no words either; the host is served all the same
        say(clean(words))
