"""Write the reference parts of the manual (PAGES) from the program itself; `--check` says what is stale."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import typer.main

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- made by: make manual -->\n", "<!-- end -->\n"
BAR = "\\|"  # within a table
FINDINGS_HEAD = "| code | severity | what it says | what to do | source |\n|---|---|---|---|---|\n"
# By the function that reads a setting: what is written there, and an example.
FORMS = {
    "_address": ("HOST:PORT", "0.0.0.0:8400"),
    "_address_or_none": ("HOST:PORT", "127.0.0.1:8402"),
    "database_url": ("an address", "postgresql://trustyard:secret@db.example.org/trustyard"),
    "_file": ("a file", "/etc/trustyard/xds.pem"),
    "_folder": ("a folder", "/var/lib/trustyard"),
    "_roots": ("folders, comma separated", "/srv/trust,test=/etc/haproxy"),
    "_key_file": ("a file", "/etc/trustyard/secret-key"),
    "_networks": ("networks, comma separated", "10.0.0.0/8,fd00::/8"),
    "_public_url": ("an address", "https://trustyard.example.org"),
    "_url": ("an address", "https://trustyard.example.org"),
    "_hosts": ("names, comma separated", "trustyard.example.org,trustyard.internal"),
    "_xds_url": ("an address", "https://trustyard.example.org:8401"),
    "_days": ("a number of days", "90"),
    "_issuer": ("an address", "https://login.example.org/realms/company"),
    "_scopes": ("words with spaces between", "openid profile groups"),
    "_grants": ("`VALUE=ROLE`, comma separated", ""),
}
# Where that example would mislead.
EXAMPLES = {
    "TRUSTYARD_DATABASE_URL_FILE": "/etc/trustyard/database-url",
    "TRUSTYARD_XDS_LISTEN": "0.0.0.0:8401",
    "TRUSTYARD_XDS_KEY": "/etc/trustyard/xds.key",
    "TRUSTYARD_ADMIN_PASSWORD_FILE": "/etc/trustyard/admin-password",
    "TRUSTYARD_OIDC_CLIENT_SECRET_FILE": "/etc/trustyard/oidc-secret",
}
COMMON = {"--token", "--json", "--help"}  # told once, at the top of the page


def commands() -> str:
    """Each command of `trustyard` with its usage and options."""
    from trustyard.cli import app

    parts = []
    for words, command in _leaves(typer.main.get_command(app), ["trustyard"]):
        arguments = [option for option in command.params if option.param_type_name == "argument"]
        options = [option for option in command.params if option.param_type_name == "option" and not _common(option)]
        usage = " ".join([*words, *(_argument(argument) for argument in arguments), "[OPTIONS]"])
        lines = [f"### `{' '.join(words)}`\n\n{command.help}\n\n```\n{usage}\n```\n"]
        if options:
            lines.append("\n| option | what it does |\n|---|---|\n")
            lines += [f"| {_written(option)} | {_cell(option)} |\n" for option in options]
        parts.append("".join(lines))
    return "\n".join(parts)


def routes() -> str:
    """Each path of the REST API with its verbs, from the server's own OpenAPI."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"TRUSTYARD_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "trustyard.server.settings"}
        import django

        django.setup()
        from trustyard.api.urls import api

        rows = []
        for path, verbs in api.get_openapi_schema()["paths"].items():
            for verb, operation in verbs.items():
                rows.append(f"| `{verb.upper()} {path}` | {operation.get('summary', '')} |\n")
    return "| verb and path | what it does |\n|---|---|\n" + "".join(rows)


def settings() -> str:
    """Each setting with what is written, its default and what it is for, as the program reads it."""
    from trustyard.server.configuration import SETTINGS

    readers = _readers()
    rows = []
    for setting in SETTINGS:
        form, usual = _form(readers.get(setting.name))
        example = EXAMPLES.get(setting.name, usual)
        default = f"`{setting.default}`" if setting.default else "none"
        written = f"{form}, such as `{example}`" if example else form
        says = setting.description.replace("|", BAR)
        rows.append(f"| [`{setting.name}`](#{setting.name.lower()}) | {written} | {default} | {says} |\n")
    return "| setting | what is written | default | what it is for |\n|---|---|---|---|\n" + "".join(rows)


def _form(reader: Any) -> tuple[str, str]:
    """What is written, and an example of it."""
    words = [f"`{word}`" for word in getattr(reader, "words", ())]
    if words:
        return f"{', '.join(words[:-1])} or {words[-1]}", ""
    return FORMS.get(getattr(reader, "__name__", ""), ("text", ""))


def _readers() -> dict[str, Any]:
    """Each setting with what reads it; what the client commands take the server does not."""
    from trustyard.server import configuration

    noted: dict[str, Any] = {"TRUSTYARD_URL": configuration._url}

    class Noting(configuration.Reader):
        def take(self, name: str, read: Any) -> Any:
            noted[name] = read
            return super().take(name, read)

    with mock.patch.object(configuration, "Reader", Noting):
        configuration.Configuration.from_environment({})
    return noted


def findings() -> str:
    """Each finding with its sentence, what to do and who says so, by severity."""
    from trustyard.pki.findings import CATALOGUE, SEVERITIES

    parts = []
    for severity in SEVERITIES:
        parts.append(f"### {severity.title()}s\n\n{FINDINGS_HEAD}")
        for code, kind in CATALOGUE.items():
            if kind.severity == severity:
                cells = (f"`{code}`", severity, _blanks(kind.sentence), _blanks(kind.advice), kind.source)
                parts.append(f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |\n")
        parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


def _blanks(sentence: str) -> str:
    """A sentence with `…` where a fact fills it in."""
    return re.sub(r"\{\w+\}", "…", sentence)


def _leaves(command: Any, words: list[str]) -> Iterator[tuple[list[str], Any]]:
    for name, below in getattr(command, "commands", {}).items():
        if hasattr(below, "commands"):
            yield from _leaves(below, [*words, name])
        else:
            yield [*words, name], below


def _common(option: Any) -> bool:
    return bool(COMMON.intersection(option.opts)) or "--server" in option.opts


def _argument(argument: Any) -> str:
    name = argument.metavar or str(argument.name).upper()
    return name if argument.required else f"[{name}]"


def _written(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else f" {option.metavar.replace('|', BAR) if option.metavar else _kind(option)}"
    return names + value


def _kind(option: Any) -> str:
    wanted = option.type_descriptor.annotation
    choices = typing.get_args(wanted) if typing.get_origin(wanted) is typing.Literal else ()
    return BAR.join(choices) if choices else {"int": "N", "float": "N"}.get(wanted.__name__, "TEXT")


def _cell(option: Any) -> str:
    text = (option.help or "").replace("|", BAR).replace("\n", " ")
    return f"{text} Required." if option.required else text


PAGES = {
    "docs/cli.md": commands,
    "docs/rest.md": routes,
    "docs/findings.md": findings,
    "docs/settings.md": settings,
}


def fresh(page: str) -> str:
    """The page with its made part made anew; what people wrote around it stays."""
    text = (ROOT / page).read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{PAGES[page]()}\n{END}{after}"


def main() -> int:
    """Exit code 1 with `--check` where a page is stale."""
    stale = [page for page in PAGES if fresh(page) != (ROOT / page).read_text("utf-8")]
    if "--check" in sys.argv:
        print(*(f"{page} is stale: make manual" for page in stale), sep="\n", file=sys.stderr)
        return 1 if stale else 0
    for page in stale:
        (ROOT / page).write_text(fresh(page), "utf-8")
        print(f"wrote {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
