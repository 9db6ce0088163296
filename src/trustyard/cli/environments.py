"""`trustyard env`: where gateways run, and the root set that they trust besides their own certificates."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from .addresses import path
from .certificate_screen import more
from .commands import Call, ask, command, group
from .failures import Usage
from .options import Description, Paging, Query, Yes, fingerprint, members, read_text
from .screen import clean, facts, notices, say, table

app = group("Environments: test, production and others.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The environment's name.")]
Type = Literal["test", "production"]
RootSet = Annotated[
    str | None, typer.Option("--root-set", metavar="none|mozilla|FILE", help="The roots it trusts; FILE holds PEM.")
]
Deny = Annotated[
    list[str] | None,
    typer.Option("--deny", metavar="SHA256", help="A root to leave out, by its SHA-256; may be repeated."),
]
Policy = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="WHAT=ANSWER",
        help="weak=warn|'leave out'|block, unhonoured=warn|block, removal=allow|confirm; may be repeated.",
    ),
]
Publish = Annotated[
    bool | None,
    typer.Option("--publish-truststore/--no-publish-truststore", help="Whether anybody may fetch the truststore."),
]


@command(app, "add")
def add(
    call: Call,
    name: Name,
    *,
    type_: Annotated[Type, typer.Option("--type", help="What kind of environment it is.")] = "test",
    description: Description = None,
    root_set: RootSet = None,
    deny: Deny = None,
    policy: Policy = None,
    publish_truststore: Publish = None,
) -> None:
    """Make an environment."""
    body = {"name": name, **_given(type_, description or "", root_set, policy, publish_truststore)}
    if deny:
        body["deny_list"] = [fingerprint(text) for text in deny]
    call.show(call.rest.send("POST", path("environments"), body).json, _one)


@command(app, "list")
def list_(call: Call, *, search: Query = None, paging: Paging) -> None:
    """List the environments."""
    page = call.rest.all(path("environments"), {"q": search}, limit=paging.limit, cursor=paging.cursor)
    call.show(page, lambda value: _listing(value, filtered=bool(search)))


@command(app, "show")
def show(call: Call, name: Name) -> None:
    """Show an environment."""
    call.show(call.rest.get(path("environments", name)).json, _one)


@command(app, "edit")
def edit(
    call: Call,
    name: Name,
    *,
    type_: Annotated[Type | None, typer.Option("--type", help="What kind of environment it is.")] = None,
    description: Description = None,
    root_set: RootSet = None,
    deny: Deny = None,
    policy: Policy = None,
    publish_truststore: Publish = None,
    allow: Annotated[
        list[str] | None, typer.Option("--allow", metavar="SHA256", help="A root to take off the deny list again.")
    ] = None,
) -> None:
    """Change an environment. A changed root set is in force with its next release."""
    body = _given(type_, description, root_set, policy, publish_truststore)
    denied, allowed = ({fingerprint(text) for text in given or []} for given in (deny, allow))
    if denied & allowed:
        raise Usage("A root cannot be denied and allowed at once.")
    if not (body or denied or allowed):
        raise Usage("Nothing to change: see `trustyard env edit --help`.")
    before = call.rest.get(path("environments", name))
    if denied or allowed:
        body["deny_list"] = sorted({*before.json["deny_list"], *denied} - allowed)
    after = call.rest.send("PATCH", path("environments", name), body, etag=before.etag)
    call.edited(before, after, _one)


@command(app, "remove")
def remove(call: Call, name: Name, *, yes: Yes = False) -> None:
    """Remove an environment that has no entries, no gateways and no JWKs."""
    before = call.rest.get(path("environments", name))
    ask(f"Remove the environment {before.json['name']}?", yes=yes)
    gone = call.rest.send("DELETE", path("environments", name), etag=before.etag)
    call.show(gone.json, lambda _: say(f"Removed {clean(before.json['name'])}."))


def _given(
    type_: str | None, description: str | None, root_set: str | None, policy: list[str] | None, publish: bool | None
) -> dict[str, Any]:
    return members(
        type=type_,
        description=description,
        root_set=None if root_set is None else _roots(root_set),
        policy=_policy(policy) if policy else None,
        publish_truststore=publish,
    )


def _policy(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    wrong = [what for what, sign, _ in pairs if not sign or what not in ("weak", "unhonoured", "removal")]
    if wrong:
        raise Usage(f"--policy {wrong[0]}: write weak=…, unhonoured=… or removal=….")
    return {what: answer for what, _, answer in pairs}


def _roots(text: str) -> str | dict[str, str]:
    return text if text in ("none", "mozilla") else {"pem": read_text(text)}


def _listing(page: dict[str, Any], *, filtered: bool) -> None:
    if not page["items"]:
        say("No environments match." if filtered else "No environments yet: make one with `trustyard env add NAME`.")
        return
    table(
        ("Name", "Type", "Root Set", "Roots", "Release", "Description"),
        [
            (one["name"], one["type"], one["root_set"], one.get("roots"), one.get("release") or "-", one["description"])
            for one in page["items"]
        ],
    )
    more(page)


def _one(one: dict[str, Any]) -> None:
    facts(
        [
            ("Name", one["name"]),
            ("Type", one["type"]),
            ("Description", one["description"]),
            ("Root Set", one["root_set"]),
            ("Roots", one.get("roots")),
            ("Release", one.get("release") or "none yet"),
            ("Policy", ", ".join(f"{what}: {answer}" for what, answer in (one.get("policy") or {}).items())),
            ("Truststore", "published" if one.get("publish_truststore") else "not published"),
            ("Denied Roots", ", ".join(one["deny_list"])),
        ]
    )
    notices(one)
