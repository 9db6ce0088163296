"""The options that several commands share, and how lists of names are written."""

from __future__ import annotations

import base64
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from trustyard.pki.names import listed

from .failures import Failure, Usage

Name = Annotated[str, typer.Argument(metavar="NAME", help="The certificate's name.")]
Environments = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="ENV[,ENV…]", help="Environments, with commas between them; may be repeated."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, max=500, help="One page of so many rows (all rows if not given).")
]
Cursor = Annotated[str | None, typer.Option("--cursor", help="The page that an earlier answer named as `next`.")]
NewName = Annotated[str | None, typer.Option("--name", metavar="NEW", help="A new name for it.")]
Description = Annotated[str | None, typer.Option("--description", help="Free text.")]
Query = Annotated[str | None, typer.Option("--search", "-q", help="Only rows that hold this text.")]
Status = Annotated[
    Literal["valid", "not yet valid", "expiring", "expired", "revoked"] | None,
    typer.Option("--status", help="Only rows of this status."),
]
Output = Annotated[
    str | None, typer.Option("-o", "--output", metavar="FILE", help="The file to write, or - for standard output.")
]
_Wait = Annotated[
    float | None,
    typer.Option(
        "--wait", min=0, max=60, metavar="SECONDS", help="How long to wait for the gateways (5 if not given)."
    ),
]

_ConfirmRestored = Annotated[
    bool, typer.Option("--confirm-restored", help="Deploy although it takes a restored release back.")
]

_MOST_BYTES = 10_000_000  # more is refused by the server in any case


class _Confirming:
    """Options of which --confirm-restored is one."""

    confirm_restored: bool

    def confirmed(self) -> dict[str, bool]:
        """`confirm_restored` as REST takes it, left out where it was not said."""
        return {"confirm_restored": True} if self.confirm_restored else {}


@dataclass(frozen=True)
class DeployIfTold(_Confirming):
    """--deploy and --wait of a command that only saves unless told."""

    deploy: Annotated[bool, typer.Option("--deploy/--no-deploy", help="Make a release of it, in force at once.")] = (
        False
    )
    wait: _Wait = None
    confirm_restored: _ConfirmRestored = False


@dataclass(frozen=True)
class DeployUnlessTold(_Confirming):
    """--deploy and --wait of a command that deploys unless told otherwise (D-26)."""

    deploy: Annotated[
        bool, typer.Option("--deploy/--no-deploy", help="Make a release of it, in force at once (the default), or not.")
    ] = True
    wait: _Wait = None
    confirm_restored: _ConfirmRestored = False

    def query(self) -> dict[str, Any]:
        """The parameters of a DELETE."""
        said = dict.fromkeys(self.confirmed(), "true")
        return {"deploy": yes_or_no(self.deploy), "wait": self.wait, **said}


@dataclass(frozen=True)
class Waiting:
    """--wait of a command that always deploys."""

    wait: _Wait = None


@dataclass(frozen=True)
class Deploying(Waiting, _Confirming):
    """The same where it may take back a restored release."""

    confirm_restored: _ConfirmRestored = False


@dataclass(frozen=True)
class Paging:
    """--limit and --cursor."""

    limit: Limit = None
    cursor: Cursor = None


@dataclass(frozen=True)
class LocalSource:
    """A file or standard input as the source of a certificate."""

    file: Annotated[
        str | None, typer.Option("--file", metavar="FILE", help="Import it from a file (- for standard input).")
    ] = None
    password: Annotated[str | None, typer.Option("--password", help="The password of that file.")] = None
    password_file: Annotated[
        str | None, typer.Option("--password-file", metavar="FILE", help="A file whose first line is that password.")
    ] = None
    paste: Annotated[bool, typer.Option("--paste", help="Take it as text from standard input.")] = False
    encoding: Annotated[
        Literal["BASE64", "BASE64PEM"] | None,
        typer.Option(
            "--encoding",
            metavar="BASE64|BASE64PEM",
            case_sensitive=False,
            help="What the pasted text is (by its looks if not given).",
        ),
    ] = None

    def at(self, place: str | None) -> dict[str, Any] | None:
        """As `read`, where an argument may name the source: an address, or a file. Raises `Usage`, `Failure`."""
        if place is None or "://" in place:
            return self.read(place)
        if self.file or self.paste:
            raise Usage("One source at a time: an argument, --file or --paste.")
        try:
            return replace(self, file=place).read()
        except Failure as failure:
            if failure.sentence.startswith(f"{place} cannot be read"):
                failure.advice = "An address begins with https:// or ldaps://."
            raise

    def read(self, url: str | None = None) -> dict[str, Any] | None:
        """The source as REST takes it, None without one. Raises `Usage` for two, `Failure` for what cannot be read."""
        chosen = [
            what for what, value in (("an address", url), ("--file", self.file), ("--paste", self.paste)) if value
        ]
        if len(chosen) > 1:
            raise Usage(f"{' and '.join(chosen)} are {len(chosen)} sources: give one.")
        if self.encoding and not self.paste:
            raise Usage("--encoding goes with --paste.")
        if (self.password is not None or self.password_file) and not self.file:
            raise Usage("--password and --password-file go with --file.")
        if url:
            return {"kind": "connection", "url": url}
        if self.file:
            return self._file(self.file)
        return self._paste() if self.paste else None

    def _file(self, name: str) -> dict[str, Any]:
        data = read_bytes(name)
        source: dict[str, Any] = {
            "kind": "file",
            "filename": "standard input" if name == "-" else Path(name).name,
            "content_base64": base64_text(data),
        }
        password = password_of(self.password, self.password_file)
        return source if password is None else {**source, "password": password}

    def _paste(self) -> dict[str, Any]:
        if at_terminal():
            print("Paste the certificate, then press Ctrl-D on a line of its own.", file=sys.stderr)
        text = read_text("-")
        encoding = self.encoding or ("BASE64PEM" if "-----BEGIN" in text else "BASE64")
        return {"kind": "paste", "encoding": encoding, "content": text}


@dataclass(frozen=True)
class SourceOptions(LocalSource):
    """The three sources of a certificate."""

    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Receive it from a server: https://… or ldaps://…")
    ] = None

    def given(self) -> dict[str, Any] | None:
        """As `read`, with the address too."""
        if self.url and self.url.lower().startswith("http:"):
            raise Usage(
                "--url is the source here, and a source begins with https:// or ldaps://.",
                advice="The Trustyard server itself goes into --server, TRUSTYARD_URL or --url before `cert`.",
            )
        return self.read(self.url)


def members(**given: Any) -> dict[str, Any]:
    """Members of a JSON object, without those that were not given (None)."""
    return {name: value for name, value in given.items() if value is not None}


def yes_or_no(value: bool | None) -> str | None:
    """A parameter as REST takes it; text, so that a filter for no is told from none."""
    return None if value is None else str(value).lower()


def names(given: list[str] | None) -> list[str]:
    r"""Names written with commas, each once, in order; a comma within a name is written `\,`."""
    found = [name for text in given or [] for name in listed(text)]
    if any(not name for name in found):
        raise Usage("A name is empty: write --env test,production.")
    return list(dict.fromkeys(found))


def pairs(given: list[str] | None, option: str, form: str) -> dict[str, str]:
    """`NAME=VALUE` options as a dict; the last `=` divides, since names may hold one."""
    found = {}
    for text in given or []:
        name, sign, value = text.rpartition("=")
        if not (sign and name and value):
            raise Usage(f"{option} {text}: write {option} {form}.")
        found[name] = value
    return found


def password_of(password: str | None, password_file: str | None) -> str | None:
    """The password that --password gives, or the file of --password-file. Raises `Usage` for both."""
    if password_file is None:
        return password
    if password is not None:
        raise Usage("--password and --password-file are two passwords: give one.")
    return read_text(password_file).split("\n", 1)[0].rstrip("\r")


def fingerprint(text: str) -> str:
    """A SHA-256 as REST writes it, however it was copied: colons, blanks and upper case go."""
    plain = re.sub(r"[:\s]", "", text).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", plain):
        raise Usage(f"{text!r} is no SHA-256: it has 64 hexadecimal digits.")
    return plain


def read_bytes(name: str, most: int = _MOST_BYTES) -> bytes:
    """A file, or standard input for `-`. Raises `Failure` where it cannot be read or no server would take it."""
    try:
        if name == "-":
            if sys.stdin is None:  # closed by the caller
                raise Failure("There is no standard input to read.")
            data = sys.stdin.buffer.read(most + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(most + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        raise Failure(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if len(data) > most:
        raise Failure(f"{_shown(name)} holds more than {most // 1_000_000} MB, which Trustyard does not take.")
    return data


def read_text(name: str) -> str:
    """As `read_bytes`, for text in UTF-8."""
    try:
        return read_bytes(name).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Failure(f"{_shown(name)} holds no text.", advice="A binary file goes with --file.") from None


def at_terminal() -> bool:
    """Whether a person can be asked: standard input is there, and is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def base64_text(data: bytes) -> str:
    """Bytes as base64 on one line."""
    return base64.b64encode(data).decode("ascii")


def _shown(name: str) -> str:
    return "Standard input" if name == "-" else name
