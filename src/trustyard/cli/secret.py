"""Local commands `secret …`: the key that sessions and the tokens of gateways are derived from."""

from __future__ import annotations

import typer

from .commands import group
from .local import database
from .screen import say

app = group("The secret key: what sessions and the tokens of gateways are derived from.")


def register(program: typer.Typer) -> None:
    """Adds the commands to the program."""
    program.add_typer(app, name="secret")


@app.command("rotate")
def rotate() -> None:
    """Make a new secret key. The one before is still accepted until `secret forget`, so nothing ends at once."""
    with database():
        from trustyard.server import secretkey
        from trustyard.server.configuration import Configuration

        earlier = secretkey.rotate(Configuration.from_environment())
    say(f"There is a new secret key, in force from the next start; earlier ones still accepted: {earlier}.")
    say("Next: restart every node with this file, give gateways their new bootstraps, then `trustyard secret forget`.")


@app.command("forget")
def forget() -> None:
    """End the earlier secret keys: sessions and gateways' tokens that were derived from them open nothing any more."""
    with database():
        from trustyard.server import secretkey
        from trustyard.server.configuration import Configuration

        ended = secretkey.forget(Configuration.from_environment())
    say(f"Earlier secret keys that end with the next start: {ended}.")
