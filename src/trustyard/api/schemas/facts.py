"""The facts of an X.509 certificate as they are shown."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .strict import Shown, When

Status = Literal["valid", "not yet valid", "expiring", "expired", "revoked"]


class Key(Shown):
    """The public key."""

    type: str
    size: int | None
    curve: str | None


class AlternativeName(Shown):
    """A subject alternative name."""

    type: str
    value: str


class Extension(Shown):
    """An extension by its identifier."""

    oid: str
    name: str
    critical: bool


class Finding(Shown):
    """Something found with a certificate; docs/findings.md has a line for each code."""

    code: str
    severity: Literal["error", "warning", "notice"]
    message: str = Field(description="One sentence.")
    advice: str
    source: str = Field(description="The standard, policy or measurement that says so.")


class Facts(Shown):
    """X.509 facts: hex in lower case without separators, times in RFC 3339 UTC."""

    certificate_name: str
    sha256: str
    sha1: str
    serial_hex: str
    version: int
    subject: str = Field(description="RFC 4514.")
    issuer: str = Field(description="RFC 4514.")
    not_before: When
    not_after: When
    status: Status
    key: Key
    signature_algorithm: str
    signature_algorithm_oid: str
    sans: list[AlternativeName]
    is_ca: bool
    path_len: int | None
    self_issued: bool
    self_signed: bool | None
    ski: str | None
    aki: str | None
    extensions: list[Extension]
    findings: list[Finding] = Field(description="Worst first.")
    content: str = Field(description="The readable text.")
    pem: str
