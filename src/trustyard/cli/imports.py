"""`trustyard cert import`: many files and folders at once, with a progress bar where somebody watches."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from .commands import Call, command
from .failures import ERROR, Failure
from .options import DeployIfTold, base64_text, names, password_of, read_bytes
from .progress import Progress
from .rest import path
from .screen import clean, say, table

MAX_FILES = 20_000
MAX_BYTES = 64_000_000  # 64 MB, as the server takes
_SHOWN = 20  # rows of what is there already; the others are counted
_THERE = ("already-there", "double")
# In a folder everything else is passed over, above all keys.
_SUFFIXES = re.compile(
    r".+\.(pem|crt|cer|cert|der|p7b|p7c|p7|spc|p12|pfx|jks|jceks|ks|keystore|truststore|bundle)", re.IGNORECASE
)


def register(app: typer.Typer) -> None:
    """Adds the command to `cert`."""
    command(app, "import")(import_)


def import_(
    call: Call,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Files (PEM, DER, PKCS#7, PKCS#12, JKS), folders with such files, or - for standard input.",
        ),
    ],
    *,
    env: Annotated[
        list[str], typer.Option("--env", metavar="ENV[,ENV…]", help="Its environments, with commas; may be repeated.")
    ],
    password: Annotated[
        str | None, typer.Option("--password", help="The password of the PKCS#12 and JKS files.")
    ] = None,
    password_file: Annotated[
        str | None, typer.Option("--password-file", metavar="FILE", help="A file whose first line is that password.")
    ] = None,
    deploying: DeployIfTold,
) -> None:
    """Take many certificates in at once, each under its own name; what cannot be taken is left out and named."""
    files, unreadable = _files(paths)
    body = {"environments": names(env), "files": files, "deploy": deploying.deploy, **deploying.confirmed()}
    secret = password_of(password, password_file)
    if secret is not None:
        body["password"] = secret
    with Progress() as progress:
        value = progress.follow(
            call.rest.lines(path("certificates", "import"), body, params={"wait": deploying.wait}, sent=progress.sent)
        )
    value["left_out"] = [*unreadable, *value["left_out"]]
    if not call.as_json:
        _left_out(value)
    call.done(value, lambda value: _show(value, names(env), deployed=deploying.deploy))
    if not value["stored"] and not any(row["code"] == "already-there" for row in value["left_out"]):
        raise typer.Exit(ERROR)


def _files(paths: list[str]) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The files as REST takes them, and those of folders that cannot be read. Raises `Failure` for any other."""
    files: list[dict[str, Any]] = []
    unreadable = []
    total = 0
    for name, found in _walked(paths):
        try:
            data = read_bytes(name, MAX_BYTES)
        except Failure as failure:
            if not found:
                raise
            unreadable.append({"item": name, "reason": failure.sentence, "code": "unreadable-file"})
            continue
        total += len(data)
        if total > MAX_BYTES or len(files) == MAX_FILES:
            raise Failure(f"This is more than {MAX_FILES} files or 64 MB.", advice="Split it into several imports.")
        files.append({"filename": clean(name)[-1000:], **_content(data)})
    if not files:
        raise Failure(unreadable[0]["reason"] if unreadable else f"{', '.join(paths)}: no file of certificates there.")
    return files, unreadable


def _walked(paths: list[str]) -> Iterator[tuple[str, bool]]:
    """Each file to read, and whether it was found in a folder. Links to folders are not followed."""
    for name in paths:
        if name == "-" or not Path(name).is_dir():
            yield name, False
            continue
        for folder, folders, files in os.walk(name):
            folders[:] = sorted(each for each in folders if not each.startswith("."))
            for each in sorted(files):
                file = Path(folder, each)
                if _SUFFIXES.fullmatch(each) and not each.startswith(".") and file.is_file():
                    yield str(file), True


def _content(data: bytes) -> dict[str, str]:
    # Text goes as it is: base64 of base64 would be a third longer, for nothing.
    if b"-----BEGIN " in data and data.isascii() and b"\x00" not in data:
        return {"pem": data.decode("ascii")}
    return {"content_base64": base64_text(data)}


def _show(value: dict[str, Any], environments: list[str], *, deployed: bool) -> None:
    for notice in value.get("notices", []):
        say(f"Notice: {clean(notice['item'])}: {clean(notice['message'])}", error=True)
    there = sum(row["code"] == "already-there" for row in value["left_out"])
    say(f"Stored {value['stored']} in {clean(', '.join(environments))}, {there} were there already.")
    if value["stored"] and not deployed:
        say("They come into force with the next release; `trustyard release deploy ENV` makes one.")


def _left_out(value: dict[str, Any]) -> None:
    """What was left out, on standard error; of what is there already only the first rows."""
    refused = [row for row in value["left_out"] if row["code"] not in _THERE]
    there = [row for row in value["left_out"] if row["code"] in _THERE]
    rows = [*refused, *there[:_SHOWN]]
    if rows:
        table(("Left Out", "Reason"), [(row["item"], row["reason"]) for row in rows], error=True)
    if len(there) > _SHOWN:
        say(f"… and {len(there) - _SHOWN} more that are there already; --json names them all.", error=True)
