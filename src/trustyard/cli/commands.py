"""What all client commands share: `--url`, `--token` and `--json`, the call they are given, and how they end."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from . import deployments
from .addresses import DEFAULT_URL
from .failures import NOT_DELIVERED, STUMBLES, Failure, Strange, Usage
from .options import at_terminal
from .screen import clean, json_text, say

if TYPE_CHECKING:
    from .rest import Answer, Rest

Url = Annotated[str | None, typer.Option("--url", "--server", metavar="ADDRESS", help="Where the Trustyard server is.")]
Server = Annotated[
    str | None,
    typer.Option("--server", metavar="ADDRESS", help="Where the Trustyard server is (here --url is the source)."),
]
Token = Annotated[str | None, typer.Option("--token", metavar="TOKEN", help="The API token to use.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the server's answer as JSON, alone on standard output.")]
Context = typer.Context
LONGEST_ANSWER = 100  # characters


@dataclass(frozen=True)
class Reached:
    """Where the server is and with which token, from before the command or from TRUSTYARD_URL and TRUSTYARD_TOKEN."""

    url: str = DEFAULT_URL
    token: str | None = None


@dataclass(frozen=True)
class Call:
    """One run of a client command: the server to ask, and whether a program reads the answer."""

    rest: Rest
    as_json: bool

    def show(self, value: Any, human: Callable[[Any], None]) -> None:
        """Ends a command that read or changed something: as JSON, or in the words of `human`."""
        if self.as_json:
            say(json_text(value))
        else:
            human(value)

    def done(self, value: Any, human: Callable[[Any], None]) -> None:
        """As `show`, for what may have deployed: shows what the gateways said; exits with 4 if one did not accept."""
        self.show(value, human)
        deployment = value.get("deployment") if isinstance(value, dict) else None
        if not deployment:
            return
        if not self.as_json:
            deployments.show(deployment)
        open_ends = deployments.not_accepted(deployment)
        for line in open_ends:
            say(f"Not in force everywhere: {clean(line)}", error=True)
        if open_ends:
            raise typer.Exit(NOT_DELIVERED)

    def edited(self, before: Answer, after: Answer, human: Callable[[Any], None]) -> None:
        """As `done`, for an edit: says so where all was as it should be already."""

        def shown(value: Any) -> None:
            human(value)
            if after.same_as(before):
                say("Nothing changed.")

        self.done(after.json, shown)


def ask(question: str, *, yes: bool) -> None:
    """Asks before something goes, unless told to with --yes. Raises `Failure` for no, and where nobody answers."""
    if yes:
        return
    agreed = typer.confirm(clean(question), err=True) if at_terminal() else _piped(question)
    if agreed is None:
        sentence = "This asks first, and standard input holds no answer: nothing was changed."
        raise Failure(sentence, advice="Add --yes to go ahead.")
    if not agreed:
        raise Failure("Nothing was changed.")


def _piped(question: str) -> bool | None:
    """The answer that a program gives, as `yes` does; None where there is none."""
    say(f"{clean(question)} [y/N]", error=True)
    try:
        line = sys.stdin.readline(LONGEST_ANSWER) if sys.stdin is not None else ""
    except (OSError, ValueError):  # closed, a folder, or no text
        line = ""
    return line.strip().lower() in ("y", "yes") if line else None


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes a function `f(call, …)` a client command.

    Its first parameter is given the `Call`. A parameter whose type is a dataclass of options stands for its fields.
    `--url`, `--server`, `--token` and `--json` are added; where the command has a `--url` of its own, that one wins.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        _call, *own = inspect.signature(function).parameters.values()
        hints = get_type_hints(function, include_extras=True)
        groups = {each.name: hints[each.name] for each in own if dataclasses.is_dataclass(hints[each.name])}
        parameters: list[inspect.Parameter] = []
        for each in own:
            parameters += _fields(groups[each.name]) if each.name in groups else [_keyword(each, hints[each.name])]
        has_url = any(each.name == "url" for each in parameters)
        parameters = [
            _option("ctx", Context, inspect.Parameter.empty),
            *parameters,
            _option("server_url", Server if has_url else Url, None),
            _option("server_token", Token, None),
            _option("as_json", AsJson, False),
        ]

        @functools.wraps(function)
        def run(**given: Any) -> None:
            from .rest import Rest  # loaded here, for a server needs no client

            reached = given.pop("ctx").obj or Reached()
            url, token, as_json = given.pop("server_url"), given.pop("server_token"), given.pop("as_json")
            try:
                _check_text(given)
                for group, kind in groups.items():
                    given[group] = kind(**{field.name: given.pop(field.name) for field in dataclasses.fields(kind)})
                rest = Rest(url or reached.url, token or reached.token)
                try:
                    function(Call(rest, as_json), **given)
                except STUMBLES as error:
                    if not rest.answered:
                        raise
                    raise Strange(error) from None
                finally:
                    rest.close()
            except Failure as failure:
                raise typer.Exit(_show(failure)) from None

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # what Typer reads
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return app.command(name)(run)

    return register


def _show(failure: Failure) -> int:
    """Says what went wrong; the exit code. A refusal holds the server's words, which may be strange too."""
    try:
        failure.show()
    except STUMBLES as error:
        failure = Strange(error)
        failure.show()
    return failure.code


def group(text: str) -> typer.Typer:
    """A group of commands that is described by one sentence."""
    return typer.Typer(help=text, no_args_is_help=True, rich_markup_mode=None)


def _check_text(given: dict[str, Any]) -> None:
    """Arguments that are no UTF-8 would fail later and less clearly."""
    for value in given.values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and any("\ud800" <= character <= "\udfff" for character in text):
                raise Usage(f"{text!r} is no text in UTF-8.")


def _fields(kind: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [_option(field.name, hints[field.name], _default(field)) for field in dataclasses.fields(kind)]


def _default(field: dataclasses.Field[Any]) -> Any:
    return inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default


def _keyword(parameter: inspect.Parameter, annotation: Any) -> inspect.Parameter:
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=annotation)


def _option(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
