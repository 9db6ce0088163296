"""`trustyard gateway`: what is given releases, and Envoy's bootstrap."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer

from trustyard.gateways.receipts import Wanted

from .addresses import path
from .certificate_screen import more
from .commands import Call, ask, command, group
from .failures import Failure, Usage
from .options import Paging, Query, Yes, names
from .screen import clean, facts, json_text, say, table, write

app = group("Gateways: what releases are delivered to.")

Environment = Annotated[str, typer.Argument(metavar="ENV", help="The environment.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The gateway's name.")]


@dataclass(frozen=True)
class KindOptions:
    """The options of a gateway's kind."""

    directory: Annotated[
        str | None, typer.Option("--directory", metavar="DIR", help="files: the folder on the server to write to.")
    ] = None
    issuer: Annotated[
        list[str] | None,
        typer.Option("--issuer", metavar="ISSUER", help="envoy: an issuer of tokens to accept; may be repeated."),
    ] = None
    audience: Annotated[
        list[str] | None,
        typer.Option("--audience", help="envoy: an audience of that issuer's tokens; may be repeated."),
    ] = None
    prefix: Annotated[str | None, typer.Option("--prefix", help="envoy: the paths that this issuer is asked for.")] = (
        None
    )
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="Any option of the kind; VALUE is JSON, or text as it is."),
    ] = None

    def given(self) -> dict[str, Any]:
        """Those that were given, as REST takes them. Raises `Usage` for what does not go together."""
        options = _options(self.option)
        for key, flag, given in ("directory", "--directory", self.directory), ("issuers", "--issuer", self.issuer):
            if key in options and given not in (None, []):
                raise Usage(f"{flag} and --option {key}=… both give {key}: give one.")
        if self.directory is not None:
            options["directory"] = self.directory
        if self.issuer:
            options["issuers"] = _issuers(self.issuer, self.audience, self.prefix)
        elif self.audience or self.prefix is not None:
            raise Usage("--audience and --prefix go with --issuer.")
        return options


@command(app, "add")
def add(
    call: Call,
    environment: Environment,
    name: Name,
    *,
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="files, envoy, haproxy or agent.")],
    options: KindOptions,
) -> None:
    """Add a gateway to an environment."""
    body = {"name": name, "kind": kind, "options": options.given()}
    call.show(call.rest.send("POST", path("environments", environment, "gateways"), body).json, _one)


@command(app, "list")
def list_(
    call: Call,
    environment: Environment,
    *,
    search: Query = None,
    state: Annotated[
        Wanted | None, typer.Option("--state", help="Only those in this state, or all that need attention.")
    ] = None,
    paging: Paging,
) -> None:
    """List the gateways of an environment, each with the worst that its nodes last said of the newest release."""
    address, filters = path("environments", environment, "gateways"), {"q": search, "state": state}
    page = call.rest.all(address, filters, limit=paging.limit, cursor=paging.cursor)
    call.show(page, lambda value: _listing(value, filtered=any(filters.values())))


@command(app, "show")
def show(call: Call, environment: Environment, name: Name) -> None:
    """Show a gateway, its state, its options and its nodes."""
    call.show(call.rest.get(path("environments", environment, "gateways", name)).json, _one)


@command(app, "edit")
def edit(call: Call, environment: Environment, name: Name, *, options: KindOptions) -> None:
    """Change options of a gateway, at once, without a release: what is not given stays. --issuer gives all of them."""
    given = options.given()
    if not given:
        raise Usage("Nothing to change: see `trustyard gateway edit --help`.")
    address = path("environments", environment, "gateways", name)
    before = call.rest.get(address)
    after = call.rest.send("PATCH", address, {"options": {**before.json["options"], **given}}, etag=before.etag)
    call.edited(before, after, _one)


@command(app, "remove")
def remove(call: Call, environment: Environment, name: Name, *, yes: Yes = False) -> None:
    """Remove a gateway. What it was given stays with it."""
    address = path("environments", environment, "gateways", name)
    before = call.rest.get(address)
    place = before.json["environment"]
    ask(f"Remove the gateway {before.json['name']} from {place}?", yes=yes)
    gone = call.rest.send("DELETE", address, etag=before.etag)
    call.show(gone.json, lambda _: say(f"Removed {clean(before.json['name'])} from {clean(place)}."))


@command(app, "rotate")
def rotate(call: Call, environment: Environment, name: Name, *, yes: Yes = False) -> None:
    """Make the token of an Envoy or agent another one: its nodes need the new bootstrap, the old one ends at once."""
    address = path("environments", environment, "gateways", name)
    before = call.rest.get(address)
    exact, place = before.json["name"], before.json["environment"]
    ask(f"Shut out the nodes of {exact} in {place} until they have the new bootstrap?", yes=yes)
    changed = call.rest.send("PATCH", address, {"rotate_token": True}, etag=before.etag)
    call.show(changed.json, lambda _: say(f"The token of {clean(before.json['name'])} is another one now."))


@command(app, "bootstrap")
def bootstrap(
    call: Call,
    environment: Environment,
    name: Name,
    *,
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="ADDRESS", help="Also an mTLS listener here, such as 0.0.0.0:8443."),
    ] = None,
    cert: Annotated[
        str | None, typer.Option("--cert", metavar="FILE", help="Its certificate, as a path where Envoy runs.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="FILE", help="Its key, as a path where Envoy runs; never sent here.")
    ] = None,
    trust: Annotated[
        str | None, typer.Option("--trust", metavar="NAME", help="What it trusts: used (the default) or alias/<alias>.")
    ] = None,
    mode: Annotated[
        Literal["delta", "sotw"] | None,
        typer.Option("--mode", help="The variant of xDS that Envoy speaks (delta if not given)."),
    ] = None,
) -> None:
    """Print what the gateway starts with: Envoy's YAML or an agent's TOML. It holds its own token: keep it secret."""
    if (listen is None) != (cert is None) or (cert is None) != (key is None):
        raise Usage("A listener needs --listen, --cert and --key.")
    if trust is not None and listen is None:
        raise Usage("--trust goes with --listen.")
    wanted = {"listen": listen, "cert": cert, "key": key, "trust": trust, "mode": mode}
    answer = call.rest.download(path("environments", environment, "gateways", name, "bootstrap"), wanted)
    if call.as_json:
        say(json_text(_configuration(answer.data)))
        return
    write(answer.data)


def _configuration(data: bytes) -> Any:
    import yaml  # for this alone

    try:
        return tomllib.loads(data.decode())  # an agent's; YAML in its block style is never TOML
    except ValueError:
        pass
    try:
        return yaml.safe_load(data)
    except (yaml.YAMLError, ValueError):
        raise Failure("The server's answer is no configuration.", advice="Is this a Trustyard server?") from None


def _options(given: list[str] | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for text in given or []:
        key, sign, value = text.partition("=")
        if not (key and sign):
            raise Usage(f"--option {text}: write --option KEY=VALUE.")
        if key in options:
            raise Usage(f"--option {key}=… is given twice: give one.")
        try:
            options[key] = json.loads(value)
        except (ValueError, RecursionError):
            options[key] = value
    return options


def _issuers(issuers: list[str], audiences: list[str] | None, prefix: str | None) -> list[dict[str, Any]]:
    if len(issuers) > 1 and (audiences or prefix is not None):
        raise Usage(
            "--audience and --prefix do not say which of several issuers they are for.",
            advice="""Write --option 'issuers=[{"issuer": "…", "audiences": ["…"], "prefix": "/…"}, …]'.""",
        )
    found: list[dict[str, Any]] = [{"issuer": issuer} for issuer in issuers]
    if audiences:
        found[0]["audiences"] = names(audiences)
    if prefix is not None:
        found[0]["prefix"] = prefix
    return found


def _listing(page: dict[str, Any], *, filtered: bool) -> None:
    if not page["items"]:
        advice = "No gateways here yet: add one with `trustyard gateway add ENV NAME --kind KIND`."
        say("No gateways match." if filtered else advice)
        return
    table(
        ("Name", "Kind", "State", "Nodes", "Options"),
        [(one["name"], one["kind"], _state(one), _nodes(one), json.dumps(one["options"])) for one in page["items"]],
    )
    more(page)


def _one(one: dict[str, Any]) -> None:
    facts(
        [
            ("Name", one["name"]),
            ("Environment", one.get("environment")),
            ("Kind", one["kind"]),
            ("State", _state(one)),
            ("Nodes", _nodes(one)),
            ("Options", json.dumps(one["options"])),
        ]
    )


def _state(one: dict[str, Any]) -> str:
    said = one.get("state", "")  # a server of before does not say it
    return "no release yet" if said is None else str(said)


def _nodes(one: dict[str, Any]) -> str:
    return ", ".join(f"{node['node']} ({_connection(node)})" for node in one["nodes"]) or "none yet"


def _connection(node: dict[str, Any]) -> str:
    words = "connected" if node["connected"] else "not connected"
    agents = node.get("agents") or []  # a server of before does not say it
    at = " and ".join(dict.fromkeys(agents))  # of one host, or behind one address, several have the same
    return f"{words}; {len(agents)} agents of one name, at {at}" if agents else words
