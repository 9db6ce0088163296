"""Imports as they are given, and what came of them."""

from __future__ import annotations

import base64
from pathlib import PurePath
from typing import Any, Self

from pydantic import Field, model_validator

from trustyard.actions.imports import MAX_CERTIFICATES, Given, Imported
from trustyard.api.bodies import JSON, MULTIPART
from trustyard.errors import InputRefused

from .deployments import ConfirmRestored, Deployment, SavedFindings
from .strict import Given as GivenJson
from .strict import Name, Shown, whole_schema


class ImportedCertificate(GivenJson):
    """One certificate; without `name` and `alias` it is named after itself."""

    name: Name | None = None
    alias: Name | None = None
    pem: str | None = None
    der_base64: str | None = Field(None, description="DER in base64 (RFC 4648, section 4).")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.pem is None) == (self.der_base64 is None):
            raise ValueError("Give either pem or der_base64.")
        return self

    def read(self, number: int) -> Given:
        """What the action takes."""
        place = f"certificate {number}" + (f", {self.name}" if self.name else "")
        data = self.pem.encode() if self.pem is not None else _decoded(self.der_base64 or "")
        return Given(place, data, self.name, self.alias)


class ImportedFile(GivenJson):
    """A file: PEM, a bundle, DER, PKCS#7, PKCS#12 or JKS. Its only certificate is named after the file."""

    filename: str = Field("", max_length=1000, description="`-` is standard input, which names nothing.")
    content_base64: str | None = Field(None, description="The file's bytes in base64 (RFC 4648, section 4).")
    pem: str | None = Field(None, description="The file's text, where it is PEM: shorter than base64 of it.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.content_base64 is None) == (self.pem is None):
            raise ValueError("Give either content_base64 or pem.")
        return self

    def read(self, number: int) -> Given:
        """What the action takes."""
        data = self.pem.encode() if self.pem is not None else _decoded(self.content_base64 or "")
        return of_file(self.filename, data, number)


class NewImport(GivenJson):
    """Certificates to store in each of these environments, and to deploy when `deploy` is true."""

    environments: list[Name] = Field(max_length=500)
    certificates: list[ImportedCertificate] = Field(default_factory=list, max_length=MAX_CERTIFICATES)
    files: list[ImportedFile] = Field(default_factory=list, max_length=MAX_CERTIFICATES)
    password: str | None = Field(None, max_length=1000, description="Opens PKCS#12 and JKS; never kept.")
    deploy: bool = False
    confirm_restored: ConfirmRestored = False

    def read(self) -> list[Given]:
        """What the action takes."""
        given = [one.read(number) for number, one in enumerate(self.certificates, 1)]
        return given + [one.read(number) for number, one in enumerate(self.files, 1)]


def of_file(filename: str, data: bytes | InputRefused, number: int) -> Given:
    """A file as the action takes it; `number` stands for a name that is missing, `-` is standard input."""
    if filename == "-":
        return Given("standard input", data)
    return Given(filename or f"file {number}", data, stem=PurePath(filename).stem)


def _decoded(text: str) -> bytes | InputRefused:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return InputRefused("This is not base64 (RFC 4648, section 4).", code="bad-base64")


class ItemLeftOut(Shown):
    """What was not stored, and why; `code` is one of docs/errors.md."""

    item: str = Field(description="Where it stood: `bundle.pem, certificate 17`.")
    reason: str
    code: str


class ImportNotice(Shown):
    """What the reader should know, such as that a private key was dropped."""

    item: str
    code: str
    message: str


class ImportDone(Shown):
    """What an import did. All that was not left out was stored, in one transaction."""

    stored: int
    left_out: list[ItemLeftOut]
    certificates: list[str] = Field(description="The names of what was stored, in the order of what was given.")
    notices: list[ImportNotice]
    findings: SavedFindings
    deployment: Deployment | None = Field(None, description="There when something was deployed.")


def done(imported: Imported) -> dict[str, Any]:
    """The answer, without its deployment."""
    return {
        "stored": len(imported.names),
        "left_out": [vars(one) for one in imported.left_out],
        "certificates": imported.names,
        "notices": [{"item": place, **one.json()} for place, one in imported.notices],
        "findings": [note.json() for note in imported.findings],
    }


IMPORT_FORMS: dict[str, dict[str, Any]] = {
    JSON: whole_schema(NewImport),
    MULTIPART: {
        "type": "object",
        "properties": {
            "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
            "environments": {
                "type": "array",
                "items": {"type": "string"},
                "description": "A part for each environment, or several in one part with commas between them.",
            },
            "password": {"type": "string"},
            "deploy": {"type": "string", "enum": ["true", "false"]},
            "confirm_restored": {"type": "string", "description": "true, or the version of the refusal."},
        },
        "required": ["file", "environments"],
        "additionalProperties": False,
    },
}
