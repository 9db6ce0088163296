"""The dialog *JWK Connection* on the command line: the list and how to answer, and the answer itself."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer

from .failures import CHOICE, Failure, Problem, Usage
from .options import pairs
from .screen import clean, say, table

ACTIONS = ("update", "disconnect", "delete")
DONE = {
    "updated": "updated with the certificate",
    "disconnected": "disconnected, its key stays as it was",
    "deleted": "deleted",
    "disabled": "disabled, no longer published",
    "enabled": "enabled, published again",
}


def actions(given: Sequence[str] | None, form: str, allowed: Sequence[str], example: str) -> tuple[str, dict[str, str]]:
    """What `--jwks` says: one action for all (else empty), or actions by name. Raises `Usage`.

    `form` is that of an action by name, and `example` says how several are given.
    """
    texts = given or []
    whole = [text for text in texts if "=" not in text]
    each = pairs([text for text in texts if "=" in text], "--jwks", form)
    if len(whole) > 1 or (whole and each):
        raise Usage(f"Give --jwks once, or {example}.")
    for action in [*whole, *each.values()]:
        if action not in allowed:
            raise Usage(f"--jwks {action}: it is one of {', '.join(allowed)}.")
    return (whole[0] if whole else ""), each


@dataclass(frozen=True)
class AnswerOptions:
    """--jwks, --confirm and --algorithm."""

    jwks: Annotated[
        list[str] | None,
        typer.Option(
            "--jwks",
            metavar="ACTION|ENV=ACTION",
            help="What becomes of the related JWKs: update, disconnect or delete; may differ by environment.",
        ),
    ] = None
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="NAME", help="The certificate's name, to confirm --jwks.")
    ] = None
    algorithm: Annotated[
        list[str] | None,
        typer.Option("--algorithm", metavar="JWK=ALG", help="The algorithm of a JWK whose key changes its type."),
    ] = None

    def given(self) -> dict[str, Any] | None:
        """`jwk_connection` as REST takes it, None without --jwks. Raises `Usage` for what does not go together."""
        if not self.jwks:
            if self.confirm is not None or self.algorithm:
                raise Usage("--confirm and --algorithm go with --jwks.")
            return None
        example = "once for each environment: --jwks test=update --jwks production=delete"
        whole, each = actions(self.jwks, "ENV=ACTION", ACTIONS, example)
        answer: dict[str, Any] = {"action": whole} if whole else {"actions": each}
        answer["confirm"] = self.confirm or ""
        algorithms = pairs(self.algorithm, "--algorithm", "JWK=ALG")
        return {**answer, "algorithms": algorithms} if algorithms else answer


@dataclass(frozen=True)
class DeletionAnswer:
    """--jwks and --confirm of a deletion."""

    jwks: Annotated[
        Literal["delete", "disconnect"] | None, typer.Option("--jwks", help="What becomes of the related JWKs.")
    ] = None
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="NAME", help="The certificate's name, to confirm --jwks.")
    ] = None

    def given(self) -> dict[str, str]:
        """The parameters of DELETE, none without --jwks. Raises `Usage` for --confirm alone."""
        if self.jwks is None:
            if self.confirm is not None:
                raise Usage("--confirm goes with --jwks.")
            return {}
        return {"jwk_connection": self.jwks, "confirm": self.confirm or ""}


class Undecided(Failure):
    """Related JWKs, and no answer: exit code 3, the list on standard error."""

    code = CHOICE

    def __init__(self, problem: Problem, name: str) -> None:
        super().__init__(problem.sentence)
        self.jwks: list[dict[str, Any]] = problem.body.get("jwks") or []
        self.options = [str(option) for option in problem.body.get("options") or ACTIONS]
        self.name = name

    def show(self) -> None:
        """Prints which JWKs are concerned, what each would become, and the command line that answers."""
        say(f"JWK Connection: {clean(self.sentence)}", error=True)
        rows = [
            (
                jwk.get("name"),
                jwk.get("environment"),
                jwk.get("kid"),
                jwk.get("alg") or "-",
                _becomes(jwk),
                ", ".join(jwk.get("options") or self.options),
            )
            for jwk in self.jwks
        ]
        table(("JWK", "Environment", "Key ID", "Algorithm", "With update becomes", "Options"), rows, error=True)
        say("Nothing was changed. Repeat the command with one of:", error=True)
        for line in self._answers():
            say(f"  {clean(line)} --confirm {clean(shlex.quote(self.name))}", error=True)
        if any(jwk.get("becomes") and jwk["becomes"]["alg"] != jwk.get("alg") for jwk in self.jwks):
            say("With an update, --algorithm JWK=ALG names another algorithm that fits.", error=True)

    def _answers(self) -> Iterator[str]:
        """What all JWKs of an environment know is an answer there, and what all of them know is one for all."""
        places: dict[str, list[str]] = {}
        for jwk in self.jwks:
            options, place = jwk.get("options") or self.options, str(jwk.get("environment"))
            places[place] = [option for option in places.get(place, options) if option in options]
        yield from (f"--jwks {option}" for option in self.options if all(option in each for each in places.values()))
        if len({tuple(each) for each in places.values()}) > 1:
            yield " ".join(f"--jwks {shlex.quote(place + '=' + '|'.join(each))}" for place, each in places.items())


@contextmanager
def asked_about(name: str) -> Iterator[None]:
    """Turns the server's question about related JWKs into `Undecided`."""
    try:
        yield
    except Problem as problem:
        if problem.kind == "jwk-connection":
            raise Undecided(problem, name) from None
        raise


def changes(answer: dict[str, Any]) -> None:
    """Prints which JWKs a write acted on, and how."""
    for jwk in answer.get("jwks") or []:
        done = DONE.get(jwk.get("change"), jwk.get("change"))
        where = f" in {jwk['environment']}" if jwk.get("environment") else ""
        say(clean(f"JWK {jwk.get('name')}{where}: {done}" + (f" (key id {jwk['kid']})" if jwk.get("kid") else "")))


def _becomes(jwk: dict[str, Any]) -> str:
    becomes = jwk.get("becomes") or {}
    words = f"{becomes.get('kid')} ({becomes.get('alg') or 'no algorithm'})" if becomes else "-"
    return f"{words}; {jwk['problem']}" if jwk.get("problem") else words
