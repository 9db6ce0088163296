"""The command line `trustyard`: client commands speak REST and know no Django; local commands live in `local`."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from trustyard import __version__
from trustyard.errors import sentence_of

from . import (
    agent,
    audit,
    backup,
    certificates,
    chains,
    environments,
    gateways,
    imports,
    jwks,
    local,
    promotion,
    releases,
    secret,
    trust,
    truststores,
)
from .addresses import DEFAULT_URL
from .commands import Context, Reached
from .failures import ERROR, Failure
from .screen import Unwritten


class _Plain(TyperGroup):
    """Says in our words what is wrong with an argument: Typer has it from pydantic, and says it in pydantic's."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            if isinstance(error.__cause__, ValueError) and hasattr(error.__cause__, "errors"):
                error.message = sentence_of(error.__cause__.errors()[0])
            raise


app = typer.Typer(
    name="trustyard",
    cls=_Plain,
    no_args_is_help=True,
    context_settings={"max_content_width": 120},  # where the terminal is as wide
    rich_markup_mode=None,  # plain help and errors: a frame would break sentences that scripts and people search for
    pretty_exceptions_enable=False,  # a traceback with local variables would show the token
)
app.add_typer(environments.app, name="env")
app.add_typer(certificates.app, name="cert")
app.add_typer(jwks.app, name="jwk")
app.add_typer(truststores.app, name="truststore")
app.add_typer(trust.app, name="trust")
app.add_typer(gateways.app, name="gateway")
app.add_typer(releases.app, name="release")
app.add_typer(audit.app, name="audit")
chains.register(certificates.app)
imports.register(certificates.app)
local.register(app)
backup.register(app)
secret.register(app)
promotion.register(environments.app)
agent.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"trustyard {__version__}")
        raise typer.Exit


@app.callback()
def _reach(
    ctx: Context,
    url: Annotated[
        str, typer.Option("--url", "--server", envvar="TRUSTYARD_URL", metavar="ADDRESS", help="Where the server is.")
    ] = DEFAULT_URL,
    token: Annotated[
        str | None, typer.Option("--token", envvar="TRUSTYARD_TOKEN", show_envvar=True, help="The API token to use.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Trustyard: the certificates and keys that API gateways trust, kept per environment and deployed as releases."""
    ctx.obj = Reached(url or DEFAULT_URL, token)


def main() -> None:
    """The program. Exit codes: 0 done, 1 error, 2 wrong usage, 3 a choice is needed, 4 saved but not delivered."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it would look for some in every installed package
    try:
        app(prog_name="trustyard")
    except Failure as failure:  # of a local command; client commands end with theirs
        failure.show()
        sys.exit(failure.code)
    except Unwritten as error:
        if sys.stdout is not None:  # what is left in its buffer would be tried again on the way out
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        Failure(f"Standard output cannot be written: {error}.").show()
        sys.exit(ERROR)
