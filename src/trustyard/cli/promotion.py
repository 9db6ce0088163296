"""`trustyard env promote`: certificates of one environment into another, the difference shown first."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from trustyard.pki.sentences import plural

from . import deployments, differences
from .addresses import path
from .commands import Call, ask, command
from .failures import CHOICE, Failure, Problem, Usage
from .jwk_connection import actions, changes
from .options import DeployIfTold, Yes, members
from .screen import MOST, alike, clean, more, same, say, table


@dataclass(frozen=True)
class Answers:
    """--jwks and --confirm of a promotion: for each certificate."""

    jwks: Annotated[
        list[str] | None,
        typer.Option(
            "--jwks",
            metavar="ACTION|CERT=ACTION",
            help="What becomes of JWKs of certificates that change in TO: update or disconnect.",
        ),
    ] = None
    confirm: Annotated[
        list[str] | None,
        typer.Option("--confirm", metavar="CERT", help="The name of each such certificate, to confirm --jwks."),
    ] = None

    def given(self) -> dict[str, dict[str, str]]:
        """`jwk_connection` as REST takes it. Raises `Usage` for what does not go together."""
        example = "once for each certificate: --jwks acme=update --jwks bank=disconnect"
        whole, each = actions(self.jwks, "CERT=ACTION", ("update", "disconnect"), example)
        confirmed = self.confirm or []
        if confirmed and not self.jwks:
            raise Usage("--confirm goes with --jwks.")
        if whole:
            return {name: {"action": whole, "confirm": name} for name in confirmed}
        return {
            name: {"action": action, "confirm": next((said for said in confirmed if same(said, name)), "")}
            for name, action in each.items()
        }


class Undecided(Failure):
    """JWKs of certificates that would change, and no answer: exit code 3, the list on standard error."""

    code = CHOICE

    def __init__(self, questions: Sequence[dict[str, Any]]) -> None:
        super().__init__(" ".join(str(one["detail"]) for one in questions))
        self.questions = questions

    def show(self) -> None:
        """Prints the JWKs of each certificate and how to answer."""
        say(f"JWK Connection: {clean(self.sentence)}", error=True)
        rows = [
            (one["certificate"], jwk["name"], jwk["kid"], (jwk["becomes"] or {}).get("kid") or jwk["problem"])
            for one in self.questions
            for jwk in one["jwks"]
        ]
        table(("Certificate", "JWK", "Key ID", "With update becomes"), rows[:MOST], error=True)
        more(len(rows), error=True)
        say("Nothing was changed. Repeat the command with --jwks update or --jwks disconnect, and", error=True)
        say(" ".join(f"--confirm {clean(shlex.quote(one['certificate']))}" for one in self.questions), error=True)


def promote(
    call: Call,
    start: Annotated[str, typer.Argument(metavar="FROM", help="The environment to take from.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The environment that gets them.")],
    *,
    certificate: Annotated[
        list[str] | None,
        typer.Option(
            "--certificate", metavar="NAME", help="Only this certificate; may be repeated (all if not given)."
        ),
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only show what would change.")] = False,
    note: Annotated[str | None, typer.Option("--note", help="What it is for; kept with the release.")] = None,
    answers: Answers,
    yes: Yes = False,
    deploying: DeployIfTold,
) -> None:
    """Take certificates of one environment into another, aliases kept. Shows the difference, then asks."""
    address = path("environments", target, "promote")
    given = answers.given()
    body: dict[str, Any] = {"from": start, "certificates": certificate, "jwk_connection": given}
    seen = call.rest.send("POST", address, {"from": start, "certificates": certificate, "preview": True}).json
    if preview:
        call.show(seen, _preview)
        return
    if not call.as_json:
        _preview(seen)
    undecided = [one for one in seen["jwk_connection"] if not any(alike(name, one["certificate"]) for name in given)]
    if undecided:
        raise Undecided(undecided)
    if seen["certificates"]:
        count = len(seen["certificates"])
        ask(f"Promote {plural(count, 'certificate')} from {start} to {target}?", yes=yes)
    body |= {"version": seen["version"], "deploy": deploying.deploy, **members(note=note), **deploying.confirmed()}
    try:
        done = call.rest.send("POST", address, body, params={"wait": deploying.wait}).json
    except Problem as problem:
        asked = problem.kind == "jwk-connection"  # a JWK came between the two requests
        raise (Undecided(problem.body.get("certificates") or []) if asked else problem) from None
    call.done(done, lambda value: _done(value, deployed=deploying.deploy))


def _preview(one: dict[str, Any]) -> None:
    place = clean(one["environment"])
    has_all = f"Nothing to promote: {place} has it all."
    differences.show(
        one["difference"], nothing=f"Nothing in force changes in {place}." if one["certificates"] else has_all
    )
    deployments.left_out(one["left_behind"], "this promotion")
    deployments.left_out(one.get("left_out") or [], f"the next release of {place}")
    waiting = one["waiting"]
    if any(waiting[part] for part in ("added", "removed", "changed")) or any(waiting["jwks"].values()):
        say(clean(f"Saved in {one['environment']} before, and waiting for its next release too:"))
        differences.show(waiting)
    for question in one["jwk_connection"][:MOST]:
        jwks = ", ".join(jwk["name"] for jwk in question["jwks"])
        say(clean(f"JWKs of {question['certificate']} to decide about (--jwks): {jwks}"))
    more(len(one["jwk_connection"]))


def _done(one: dict[str, Any], *, deployed: bool) -> None:
    count = len(one["certificates"])
    say(clean(f"Promoted {plural(count, 'certificate')} to {one['environment']}."))
    changes(one)
    deployments.findings(one.get("findings") or [], one["environment"])
    if not deployed and count > len(one.get("left_out") or []):
        say(clean(f"Saved. It is in force with the next release: `trustyard release deploy {one['environment']}`."))


def register(app: typer.Typer) -> None:
    """Puts `promote` beside the other commands of `env`."""
    command(app, "promote")(promote)
