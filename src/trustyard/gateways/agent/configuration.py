"""The agent's configuration file: where Trustyard is, which folder to keep, what to run. Validated as a whole."""

from __future__ import annotations

import socket
import tomllib
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from trustyard.errors import FieldError, Refused, sentence_of
from trustyard.pki.hosts import is_loopback

from .wire import LONGEST_WAIT

ROOTS = ("used-roots.pem", "truststore-roots.pem")
FILES = ("truststore.pem", "truststore.p12", "truststore.jks", "used.pem", "jwks.json", "manifest.json", *ROOTS)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_nul(cls, value: object) -> object:
        if isinstance(value, str) and "\0" in value:
            raise ValueError("it holds NUL")
        return value


class Command(_Strict):
    """A program and its arguments, run without a shell, and how long it may take."""

    command: tuple[str, ...] = Field(min_length=1)
    seconds: float = Field(default=30, gt=0, le=3600)

    @field_validator("command")
    @classmethod
    def _a_program(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        if not command[0] or any("\0" in word for word in command):
            raise ValueError('write ["program", "argument", …]')
        return command


class Copy(_Strict):
    """A file of the release that is copied to a place outside the agent's folder."""

    source: str = Field(alias="from")
    to: Path

    @field_validator("source")
    @classmethod
    def _of_a_release(cls, name: str) -> str:
        parts = name.split("/")
        alias = len(parts) == 2 and parts[0] == "aliases" and parts[1].endswith(".pem") and parts[1] != ".pem"
        if name not in FILES and not alias:
            raise ValueError(f"{name} is no file of a release: {', '.join(FILES)} or aliases/<alias>.pem")
        return name

    @field_validator("to")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        if not path.is_absolute() or path.name in ("", ".."):
            raise ValueError(f"{path} is no absolute path of a file")
        return path


class Configuration(_Strict):
    """The whole file."""

    address: str
    environment: str = Field(min_length=1)
    folder: Path
    token: str = ""
    token_file: Path | None = None
    ca: Path | None = None
    node: str = Field(default_factory=socket.gethostname, min_length=1, max_length=200)
    anchors: Literal["all", "roots"] = "all"
    wait: float = Field(default=50, ge=1, le=LONGEST_WAIT)
    allow_http: bool = False
    check: Command | None = None
    reload: Command | None = None
    verify: Command | None = None
    copies: tuple[Copy, ...] = Field(default=(), alias="copy", max_length=100)

    @field_validator("folder")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        if not path.is_absolute() or path == Path("/"):
            raise ValueError(f"{path} is no absolute path of a folder")
        return path

    @field_validator("node")
    @classmethod
    def _printable(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError("it has characters that cannot be printed")
        return name

    @field_validator("address")
    @classmethod
    def _an_address(cls, address: str) -> str:
        parts = urlsplit(address)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.query
            or parts.username
            or not _has_valid_port(parts)
        ):
            raise ValueError(f"{address} is not an address such as https://trustyard.example.org")
        return address.rstrip("/")

    @model_validator(mode="after")
    def _together(self) -> Configuration:
        if bool(self.token) == (self.token_file is not None):
            raise ValueError("give either token or token_file")
        parts = urlsplit(self.address)
        if parts.scheme == "http" and not self.allow_http and not is_loopback(parts.hostname or ""):
            raise ValueError("http would show the token to the network: use https, or say allow_http = true")
        places = [copy.to for copy in self.copies]
        if len(set(places)) != len(places):
            raise ValueError("two copies go to the same place")
        for copy in self.copies:
            if copy.source in ROOTS and self.anchors != "roots":
                raise ValueError(f'{copy.source} is there with anchors = "roots" alone')
        return self

    def bearer(self) -> str:
        """The token; one in a file is read each time, so that changing it needs no restart. Raises OSError."""
        return self.token_file.read_text("utf-8").strip() if self.token_file else self.token


def read(path: Path) -> Configuration:
    """The configuration of this file. Raises Refused (`agent-configuration`) with a line for each mistake."""
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise _refused(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise _refused(f"{path} is no TOML: {error}.") from None
    except RecursionError:
        raise _refused(f"{path} is no configuration: its lists lie too deep in one another.") from None
    try:
        return Configuration.model_validate(given)
    except ValidationError as error:
        mistakes = [
            FieldError(".".join(map(str, one["loc"])), sentence_of(one))
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise _refused(f"{path} cannot be taken.", mistakes) from None


def _has_valid_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def _refused(sentence: str, mistakes: list[FieldError] | None = None) -> Refused:
    return Refused(sentence, code="agent-configuration", fields=mistakes)
