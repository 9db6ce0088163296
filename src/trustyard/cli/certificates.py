"""`trustyard cert`: look at certificates, take them in, keep them per environment, revoke, delete and export them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from . import certificate_screen as screen
from . import deployments
from .addresses import path
from .commands import Call, ask, command, group
from .failures import Failure, Usage
from .files import save
from .jwk_connection import AnswerOptions, DeletionAnswer, asked_about
from .options import (
    DeployIfTold,
    DeployUnlessTold,
    Description,
    Environments,
    LocalSource,
    Name,
    NewName,
    Output,
    Paging,
    Query,
    SourceOptions,
    Status,
    Yes,
    fingerprint,
    members,
    names,
    yes_or_no,
)
from .screen import alike, same

app = group("Certificates: definitions with an entry for each environment.")

Environment = Annotated[str, typer.Option("--env", metavar="ENV", help="The environment.")]
Alias = Annotated[str | None, typer.Option("--alias", help="The alias of the entries, unique in each environment.")]
Choose = Annotated[
    str | None,
    typer.Option("--choose", metavar="SHA256", help="Which certificate to take, where a source holds several."),
]
Inspected = Annotated[
    str | None, typer.Option("--inspected", metavar="TOKEN", help="Take what `cert inspect --json` saw, by its token.")
]


@command(app, "inspect")
def inspect(
    call: Call,
    address: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="An address (https://…, ldaps://…) or a file.")
    ] = None,
    *,
    given: LocalSource,
) -> None:
    """Show what a source holds, without storing anything."""
    source = given.at(address)
    if source is None:
        raise Usage("Name a source: `cert inspect https://…`, a file, or --paste.")
    call.show(call.rest.send("POST", path("certificates", "inspect"), source).json, screen.inspection)


@command(app, "add")
def add(
    call: Call,
    name: Name,
    *,
    env: Annotated[
        list[str], typer.Option("--env", metavar="ENV[,ENV…]", help="Its environments, with commas; may be repeated.")
    ],
    alias: Annotated[str, typer.Option("--alias", help="The alias of its entries, unique in each environment.")],
    given: SourceOptions,
    inspected: Inspected = None,
    choose: Choose = None,
    description: Description = None,
    deploying: DeployIfTold,
) -> None:
    """Take a certificate in, with the same certificate and alias in each of the environments."""
    source = source_of(given.given(), inspected)
    if source is None:
        raise Usage("Name a source: --url, --file, --paste or --inspected.")
    body = {
        "name": name,
        "description": description or "",
        "entries": [_entry(names(env), alias, source, choose)],
        "deploy": deploying.deploy,
        **deploying.confirmed(),
    }
    with screen.choice():
        answer = call.rest.send("POST", path("certificates"), body, params={"wait": deploying.wait})
    call.done(answer.json, lambda value: screen.saved(value, "Added", waits=not deploying.deploy))


@command(app, "list")
def list_(
    call: Call,
    *,
    search: Query = None,
    env: Annotated[
        str | None, typer.Option("--env", metavar="ENV", help="Only certificates of this environment.")
    ] = None,
    status: Status = None,
    expires_within: Annotated[
        int | None,
        typer.Option("--expires-within", min=0, metavar="DAYS", help="Only those that end within so many days."),
    ] = None,
    connected_jwks: Annotated[
        bool | None, typer.Option("--connected-jwks/--no-connected-jwks", help="Only those with JWKs made from them.")
    ] = None,
    sort: Annotated[
        Literal["name", "-name", "valid_until", "-valid_until", "changed", "-changed"] | None,
        typer.Option("--sort", help="What they are sorted by; - downwards."),
    ] = None,
    paging: Paging,
) -> None:
    """List certificates."""
    filters = {
        "q": search,
        "environment": env,
        "status": status,
        "expires_within": expires_within,
        "connected_jwks": yes_or_no(connected_jwks),
        "sort": sort,
    }
    page = call.rest.all(path("certificates"), filters, limit=paging.limit, cursor=paging.cursor)
    call.show(page, lambda value: screen.listing(value, filtered=any(filters.values())))


@command(app, "show")
def show(
    call: Call,
    name: Name,
    *,
    content: Annotated[
        bool, typer.Option("--content", help="Print the whole content of each certificate too.")
    ] = False,
) -> None:
    """Show a certificate and its entries."""
    call.show(
        call.rest.get(path("certificates", name)).json,
        lambda value: screen.certificate(value, _accepted(call, value), content=content),
    )


@command(app, "edit")
def edit(
    call: Call,
    name: Name,
    *,
    new_name: NewName = None,
    description: Description = None,
    env: Environments = None,
    alias: Alias = None,
    given: SourceOptions,
    inspected: Inspected = None,
    choose: Choose = None,
    remove_env: Annotated[
        list[str] | None,
        typer.Option("--remove-env", metavar="ENV[,ENV…]", help="Remove its entries in these environments."),
    ] = None,
    answer: AnswerOptions,
    deploying: DeployIfTold,
) -> None:
    """Change a certificate: what is not given stays as it is."""
    changed = _changed(names(env), alias, source_of(given.given(), inspected), choose)
    removed = names(remove_env)
    body = members(name=new_name, description=description, jwk_connection=answer.given())
    if changed:
        body["entries"] = [changed]
    if not (body or removed or deploying.deploy):
        raise Usage("Nothing to change: see `trustyard cert edit --help`.")
    body |= {"deploy": deploying.deploy, **deploying.confirmed()}
    before = call.rest.get(path("certificates", name))
    if removed:
        body = {"name": before.json["name"], "description": before.json["description"], **body}
        body["entries"] = _remaining(before.json, changed, removed)
    with asked_about(before.json["name"]), screen.choice():
        after = call.rest.send(
            "PUT" if removed else "PATCH",
            path("certificates", name),
            body,
            params={"wait": deploying.wait},
            etag=before.etag,
        )
    unchanged = after.same_as(before)
    told = bool(new_name is not None or changed or removed)  # no release tells a description
    waits = told and not (deploying.deploy or unchanged)
    taken = _taken(before.json, after.json)
    done = "Nothing changed in" if unchanged else "Changed"
    call.done(after.json, lambda value: screen.saved(value, done, waits=waits, taken=taken))


@command(app, "lint")
def lint(call: Call, name: Name, *, env: Environment) -> None:
    """Let pkilint judge the certificate of an entry: against the rules for public TLS servers, or RFC 5280."""
    call.show(call.rest.get(path("certificates", name, "entries", env, "lint")).json, screen.lint)


@command(app, "revoke")
def revoke(
    call: Call,
    name: Name,
    *,
    env: Environment,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the entry and in the audit.")],
    deploying: DeployUnlessTold,
) -> None:
    """Withdraw trust in an entry, inside Trustyard: it leaves the truststore, JWKs made from it are disabled."""
    _mark(call, name, env, "revoke", reason, deploying)


@command(app, "restore")
def restore(
    call: Call,
    name: Name,
    *,
    env: Environment,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit.")] = "",
    deploying: DeployUnlessTold,
) -> None:
    """Take a revocation back."""
    _mark(call, name, env, "restore", reason, deploying)


@command(app, "delete")
def delete(call: Call, name: Name, *, answer: DeletionAnswer, yes: Yes = False, deploying: DeployUnlessTold) -> None:
    """Delete a certificate with all its entries. Asks first, or is confirmed by --jwks and --confirm."""
    given = answer.given()
    before = call.rest.get(path("certificates", name))
    exact = str(before.json["name"])
    related = [jwk for entry in before.json["entries"] for jwk in entry["connected_jwks"]]
    if given and not same(given["confirm"] or "", exact):
        raise Failure(f"The name to confirm is not {exact!r}: nothing was deleted.")
    if not related and not given:
        ask(f"Delete the certificate {exact} in {_where(before.json)}?", yes=yes)
    query = {**given, **deploying.query()}
    with asked_about(exact):
        gone = call.rest.send("DELETE", path("certificates", name), params=query, etag=before.etag)
    call.done(gone.json, lambda value: screen.deleted(value, exact, deployed=deploying.deploy))


@command(app, "export")
def export(
    call: Call,
    name: Name,
    *,
    output: Output = None,
    format_: Annotated[Literal["zip", "pem", "der", "pkcs7"], typer.Option("--format", help="What to write.")] = "zip",
    env: Annotated[str | None, typer.Option("--env", metavar="ENV", help="Only the entry of this environment.")] = None,
) -> None:
    """Write a certificate to a file: a ZIP with an entry for each environment if not told otherwise."""
    answer = call.rest.download(path("certificates", name, "export"), {"format": format_, "environment": env})
    save(call, answer, output, otherwise=f"certificate.{format_}")


def _mark(call: Call, name: str, env: str, verb: str, reason: str, deploying: DeployUnlessTold) -> None:
    body = {"reason": reason, "deploy": deploying.deploy, **deploying.confirmed()}
    address = path("certificates", name, "entries", env, verb)
    answer = call.rest.send("POST", address, body, params={"wait": deploying.wait})
    places = [place for entry in answer.json["entries"] if alike(place := str(entry["environment"]), env)]
    done = f"{'Revoked' if verb == 'revoke' else 'Restored'} in {', '.join(places) or env}:"
    taken = places if verb == "restore" else []
    call.done(answer.json, lambda value: screen.saved(value, done, waits=not deploying.deploy, taken=taken))


def _accepted(call: Call, certificate: dict[str, Any]) -> dict[str, str]:
    """How far what is in force came in each environment of a certificate, by its newest release."""
    words = {}
    for name in dict.fromkeys(entry["environment"] for entry in certificate["entries"] if entry.get("in_force")):
        newest = call.rest.get(path("environments", name, "releases"), {"limit": 1}).json["items"]
        words[name] = deployments.acceptance(newest[0]["gateways"]) if newest else ""
    return words


def source_of(source: dict[str, Any] | None, inspected: str | None) -> dict[str, Any] | None:
    """The source of a command that takes --inspected too, None without one. Raises `Usage` for two."""
    if inspected is None:
        return source
    if source is not None:
        raise Usage("--inspected is a source of its own: leave the other one out.")
    return {"kind": "inspected", "token": inspected}


def _entry(
    environments: list[str], alias: str | None, source: dict[str, Any] | None, choose: str | None
) -> dict[str, Any]:
    chosen = fingerprint(choose) if choose is not None else None
    return members(environments=environments, alias=alias, source=source, choose=chosen)


def _changed(
    environments: list[str], alias: str | None, source: dict[str, Any] | None, choose: str | None
) -> dict[str, Any] | None:
    """The entries to change or add, None for none. Raises `Usage` where --env and what belongs to it do not meet."""
    if not environments and (alias is not None or source is not None):
        raise Usage("Which entries? Name their environments with --env.")
    if environments and alias is None and source is None:
        raise Usage("--env needs what to change there: --alias, --url, --file, --paste or --inspected.")
    if choose is not None and source is None:
        raise Usage("--choose goes with a source.")
    return _entry(environments, alias, source, choose) if environments else None


def _remaining(before: dict[str, Any], changed: dict[str, Any] | None, removed: list[str]) -> list[dict[str, Any]]:
    """All entries that stay, for PUT: by their environment alone where nothing else changes."""
    there = [str(entry["environment"]) for entry in before["entries"]]
    touched = changed["environments"] if changed else []
    for name in removed:
        if not any(alike(name, each) for each in there):
            raise Failure(f"{before['name']} has no entry in {name}.", advice=f"It has entries in {', '.join(there)}.")
        if any(alike(name, each) for each in touched):
            raise Usage(f"{name} is to be changed and removed: give it once.")
    gone = [*removed, *touched]
    stay = [{"environment": each} for each in there if not any(alike(each, name) for name in gone)]
    return [*stay, changed] if changed else stay


def _taken(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The environments in which a change put another certificate."""
    was = {entry["environment"]: entry["sha256"] for entry in before["entries"]}
    return [each for entry in after["entries"] if was.get(each := str(entry["environment"])) != entry["sha256"]]


def _where(certificate: dict[str, Any]) -> str:
    return ", ".join(str(entry["environment"]) for entry in certificate["entries"]) or "no environment"
