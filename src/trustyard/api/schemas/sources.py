"""Sources of certificates as they are given, and what is seen in one."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from trustyard.actions import sources
from trustyard.api.bodies import JSON, MAX_FILE, MULTIPART
from trustyard.errors import FieldError, InputRefused, TooLarge

from .facts import Facts
from .strict import OF_KINDS, Given, Shown


class ConnectionSource(Given):
    """A live server: its certificates are read from a TLS handshake."""

    kind: Literal["connection"]
    url: str = Field(max_length=4000, description="`https://…` or `ldaps://…`; ports 443 and 636 unless given.")

    def read(self, field: str) -> sources.Connection:
        """The source that actions take."""
        return sources.Connection(self.url)


class FileSource(Given):
    """A file: PEM, a bundle, DER, PKCS#7, PKCS#12 or JKS."""

    kind: Literal["file"]
    filename: str = Field("", max_length=1000)
    content_base64: str = Field(description="The file's bytes, at most 10 MB, in base64 (RFC 4648, section 4).")
    password: str | None = Field(None, max_length=1000, description="Opens PKCS#12 and JKS; never kept.")

    def read(self, field: str) -> sources.FileGiven:
        """The source that actions take. Raises `TooLarge`, and `InputRefused` for what is not base64."""
        place = f"{field}.content_base64".lstrip(".")
        try:
            data = base64.b64decode(self.content_base64, validate=True)
        except ValueError:
            sentence = "This is not base64 (RFC 4648, section 4): letters, digits, + and /, padded with =."
            raise InputRefused(sentence, code="bad-base64", fields=[FieldError(place, sentence)]) from None
        if len(data) > MAX_FILE:
            sentence = "The file is larger than 10 MB."
            raise TooLarge(sentence, code="file-too-large", fields=[FieldError(place, sentence)])
        return sources.FileGiven(self.filename, data, self.password)


class PasteSource(Given):
    """Pasted text."""

    kind: Literal["paste"]
    encoding: Literal["BASE64", "BASE64PEM"]
    content: str

    def read(self, field: str) -> sources.Paste:
        """The source that actions take. Raises `TooLarge`."""
        if len(self.content) > MAX_FILE:
            sentence = "The text is larger than 10 MB."
            fields = [FieldError(f"{field}.content".lstrip("."), sentence)]
            raise TooLarge(sentence, code="file-too-large", fields=fields)
        return sources.Paste(self.encoding, self.content)


class InspectedSource(Given):
    """What was seen before, by the token of that inspection: an hour long, for whoever inspected."""

    kind: Literal["inspected"]
    token: str = Field(max_length=1000)

    def read(self, field: str) -> sources.Inspected:
        """The source that actions take."""
        return sources.Inspected(self.token)


AnySource = ConnectionSource | FileSource | PasteSource | InspectedSource
Source = Annotated[AnySource, Field(discriminator="kind"), OF_KINDS]


class Offer(Facts):
    """A certificate of a source, with a sentence on what it is there."""

    verdict: str
    end_entity: bool


class Notice(Shown):
    """What the reader should know, such as that a private key was dropped."""

    code: str
    message: str


class Inspection(Shown):
    """What stands in a source. Nothing of it is stored but for an hour, under the token."""

    format: Literal["pem", "pem-bundle", "der", "base64", "pkcs7-pem", "pkcs7-der", "pkcs12", "jks", "connection"]
    token: str
    certificates: list[Offer] = Field(description="In chain order.")
    preselected: str | None = Field(description="The SHA-256 that is taken when nothing is chosen (D-08).")
    notices: list[Notice]


_ONE = TypeAdapter(Source).json_schema(ref_template="#/components/schemas/{model}")
# The bodies that `inspect` reads by itself; the parts of the first stand in the document already, for entries.
INSPECT_FORMS: dict[str, dict[str, Any]] = {
    JSON: {name: value for name, value in _ONE.items() if name != "$defs"},
    MULTIPART: {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary"}, "password": {"type": "string"}},
        "required": ["file"],
        "additionalProperties": False,
    },
}
