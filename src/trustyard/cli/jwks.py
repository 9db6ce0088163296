"""`trustyard jwk`: public keys as JSON Web Keys, made from certificates or given by hand."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import typer

from trustyard.pki.sentences import plural

from .addresses import path
from .certificate_screen import more
from .commands import Call, ask, command, group
from .failures import Failure, Usage
from .options import (
    DeployIfTold,
    DeployUnlessTold,
    Description,
    Environments,
    NewName,
    Paging,
    Query,
    Yes,
    members,
    names,
    read_text,
    yes_or_no,
)
from .screen import clean, facts, json_text, notices, say, table

app = group("JWKs: public keys that gateways verify tokens with.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The JWK's name.")]
Algorithm = Annotated[
    str | None,
    typer.Option("--alg", metavar="ALG|none", help="The algorithm, such as RS256; must fit the key (none: not said)."),
]


@command(app, "add")
def add(
    call: Call,
    name: Name,
    *,
    certificate: Annotated[
        str | None,
        typer.Option("--certificate", metavar="NAME", help="Make it from this certificate's entry in --env."),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", metavar="FILE", help="A public JWK given by hand, as JSON (- for standard input)."),
    ] = None,
    env: Environments = None,
    use: Annotated[Literal["sig", "enc"] | None, typer.Option("--use", help="What it is for.")] = None,
    alg: Algorithm = None,
    kid: Annotated[
        str | None, typer.Option("--kid", help="The key ID (the thumbprint of RFC 7638 if not given).")
    ] = None,
    description: Description = None,
    deploying: DeployIfTold,
) -> None:
    """Make a JWK from a certificate, or take one that is given by hand."""
    environments = names(env)
    if (certificate is None) == (file is None):
        raise Usage("A JWK comes from --certificate or from --file: give one of them.")
    if not environments:
        raise Usage(
            "Where? Name its environments with --env." if file else "Which entry? Name its environment with --env."
        )
    if certificate is not None and len(environments) > 1:
        raise Usage("A JWK is made from the entry of one environment: name one with --env.")
    source: dict[str, Any] = (
        {"kind": "certificate", "certificate": certificate, "environment": environments[0]}
        if file is None
        else {"kind": "jwk", "jwk": _read(file), "environments": environments}
    )
    body = {"name": name, "description": description or "", "source": source, "deploy": deploying.deploy}
    body |= {**members(use=use, kid=kid), **_stated(alg=alg)}
    body |= deploying.confirmed()
    answer = call.rest.send("POST", path("jwks"), body, params={"wait": deploying.wait})
    call.done(answer.json, lambda value: _added(value, deployed=deploying.deploy))


@command(app, "list")
def list_(
    call: Call,
    *,
    search: Query = None,
    env: Annotated[str | None, typer.Option("--env", metavar="ENV", help="Only JWKs of this environment.")] = None,
    state: Annotated[
        Literal["active", "disabled"] | None, typer.Option("--state", help="Only JWKs of this state.")
    ] = None,
    connected: Annotated[
        bool | None, typer.Option("--connected/--no-connected", help="Only those that are connected to a certificate.")
    ] = None,
    paging: Paging,
) -> None:
    """List the JWKs."""
    filters = {"q": search, "environment": env, "state": state, "connected": yes_or_no(connected)}
    page = call.rest.all(path("jwks"), filters, limit=paging.limit, cursor=paging.cursor)
    call.show(page, lambda value: _listing(value, filtered=any(filters.values())))


@command(app, "show")
def show(call: Call, name: Name) -> None:
    """Show a JWK with its public members."""
    call.show(call.rest.get(path("jwks", name)).json, _one)


@command(app, "edit")
def edit(
    call: Call,
    name: Name,
    *,
    new_name: NewName = None,
    description: Description = None,
    use: Annotated[
        Literal["sig", "enc", "none"] | None, typer.Option("--use", help="What it is for (none: not said).")
    ] = None,
    alg: Algorithm = None,
    kid: Annotated[str | None, typer.Option("--kid", help="Another key ID.")] = None,
    thumbprint: Annotated[
        bool, typer.Option("--thumbprint", help="The thumbprint of RFC 7638 as its key ID, as where none is given.")
    ] = False,
    state: Annotated[
        Literal["active", "disabled"] | None, typer.Option("--state", help="disabled: it is not published.")
    ] = None,
    deploying: DeployIfTold,
) -> None:
    """Change a JWK: what is not given stays as it is, and its key always does."""
    if kid is not None and thumbprint:
        raise Usage("--kid and --thumbprint are two key IDs: give one.")
    changed = {**members(name=new_name, description=description, kid=kid, state=state), **_stated(use=use, alg=alg)}
    if thumbprint:
        changed["kid"] = None
    if not changed and not deploying.deploy:
        raise Usage("Nothing to change: see `trustyard jwk edit --help`.")
    body = {**changed, "deploy": deploying.deploy, **deploying.confirmed()}
    before = call.rest.get(path("jwks", name))
    after = call.rest.send("PATCH", path("jwks", name), body, params={"wait": deploying.wait}, etag=before.etag)
    call.edited(before, after, lambda value: _changed(before.json, value, deployed=deploying.deploy))


@command(app, "delete")
def delete(call: Call, name: Name, *, yes: Yes = False, deploying: DeployUnlessTold) -> None:
    """Delete a JWK. The certificate that it was made from stays."""
    before = call.rest.get(path("jwks", name))
    where = ", ".join(before.json["environments"]) or "no environment"
    ask(f"Delete the JWK {before.json['name']} (key id {before.json['kid']}) in {where}?", yes=yes)
    gone = call.rest.send("DELETE", path("jwks", name), params=deploying.query(), etag=before.etag)
    call.done(gone.json, lambda _: say(f"Deleted the JWK {clean(before.json['name'])}."))


def _stated(**given: str | None) -> dict[str, Any]:
    """As `members`, where REST says null for `none`."""
    return {member: None if value == "none" else value for member, value in members(**given).items()}


def _read(name: str) -> dict[str, Any]:
    try:
        value = json.loads(read_text(name))
    except (ValueError, RecursionError):
        raise Failure(f"{name} holds no JSON.", advice="A JWK is a JSON object with a member kty.") from None
    if isinstance(value, dict) and isinstance(value.get("keys"), list):
        if len(value["keys"]) != 1:
            raise Failure(
                f"{name} is a set of {plural(len(value['keys']), 'JWK')}.",
                advice="Take one key out of it: a name is for one.",
            )
        value = value["keys"][0]
    if not isinstance(value, dict):
        raise Failure(f"{name} is no JWK.", advice="A JWK is a JSON object with a member kty.")
    return value


def _added(one: dict[str, Any], *, deployed: bool) -> None:
    _one(one)
    notices(one)
    if not deployed:
        say("Saved. It is published with the next release: `trustyard release deploy ENV`.")


def _changed(before: dict[str, Any], one: dict[str, Any], *, deployed: bool) -> None:
    _one(one)
    if not deployed and any(one[member] != before[member] for member in ("jwk", "state")):
        say("Saved. What is published changes with the next release: `trustyard release deploy ENV`.")


def _listing(page: dict[str, Any], *, filtered: bool) -> None:
    if not page["items"]:
        say(
            "No JWKs match."
            if filtered
            else "No JWKs yet: make one with `trustyard jwk add NAME --certificate C --env E`."
        )
        return
    table(
        ("Name", "Key ID", "Algorithm", "Use", "Environments", "Connected To", "State"),
        [
            (
                one["name"],
                one["kid"],
                one.get("alg") or "-",
                one.get("use") or "-",
                ", ".join(one["environments"]),
                _connected(one),
                one["state"],
            )
            for one in page["items"]
        ],
    )
    more(page)


def _one(one: dict[str, Any]) -> None:
    facts(
        [
            ("Name", one["name"]),
            ("Description", one.get("description")),
            ("Key ID", one["kid"]),
            ("Algorithm", one.get("alg")),
            ("Use", one.get("use")),
            ("Environments", ", ".join(one["environments"])),
            ("Connected To", _connected(one)),
            ("State", one["state"]),
        ]
    )
    for finding in one.get("findings") or []:
        say(f"Finding: {clean(finding)}", error=True)
    say(json_text(one["jwk"]))


def _connected(one: dict[str, Any]) -> str:
    to = one.get("connected_to")
    return f"{to['certificate']} in {to['environment']}" if to else "not connected"
