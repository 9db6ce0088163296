"""Certificates as they are given and shown."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from trustyard.actions.certificates import Definition, EntryGiven, JwkAnswer

from .deployments import ConfirmRestored, ConfirmRestoredText, Deployment, JwkChange
from .facts import Facts, Status
from .problems import Choice
from .sources import Notice, Source
from .strict import Description, Given, Name, Page, Search, Sha256, Shown, Text, When


class Entry(Given):
    """One entry, or one for each of several environments. What is left out of a stored entry stays as it is."""

    environment: Name | None = None
    environments: list[Name] | None = Field(None, min_length=1, max_length=500)
    alias: Name | None = None
    source: Source | None = None
    choose: Sha256 | None = Field(None, description="The SHA-256 of one of several certificates in the source.")

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if (self.environment is None) == (self.environments is None):
            raise ValueError("Give either environment or environments.")
        return self

    def read(self, field: str) -> EntryGiven:
        """The entry that actions take. Raises `Refused` for a source that cannot be read."""
        named = [self.environment] if self.environment is not None else self.environments or []
        source = self.source.read(f"{field}.source") if self.source else None
        return EntryGiven(tuple(named), self.alias, source, self.choose)


class JwkConnection(Given):
    """The answer to the question about related JWKs."""

    action: Choice | None = None
    actions: dict[str, Choice] = Field(
        default_factory=dict, description="By environment, when some entries change and others are removed."
    )
    confirm: str = Field("", description="The certificate's name, exactly.")
    version: str | None = Field(None, description="`version` of the refusal; then a set that moved is refused again.")
    algorithms: dict[str, str] = Field(default_factory=dict, description="By JWK: another algorithm than `becomes`.")

    def read(self) -> JwkAnswer:
        """The answer that actions take."""
        return JwkAnswer(self.action, self.actions, self.confirm, self.version, self.algorithms)


class NewCertificate(Given):
    """A certificate to store, and to deploy when `deploy` is true."""

    name: Name
    description: Description = ""
    entries: list[Entry] = Field(max_length=500)
    deploy: bool = False
    confirm_restored: ConfirmRestored = False

    def read(self) -> Definition:
        """The definition that actions take."""
        return Definition(self.name, self.description, entries(self.entries))


class CertificateChange(Given):
    """What shall change; null means: as it is."""

    name: Name | None = None
    description: Description | None = None
    entries: list[Entry] | None = Field(None, max_length=500)
    deploy: bool = False
    confirm_restored: ConfirmRestored = False
    jwk_connection: JwkConnection | None = None


class WholeCertificate(CertificateChange):
    """A change that gives all entries: one left out is removed."""

    entries: list[Entry] = Field(max_length=500)


def entries(given: list[Entry]) -> list[EntryGiven]:
    """The entries that actions take."""
    return [one.read(f"entries.{index}") for index, one in enumerate(given)]


class Revocation(Given):
    """Why an entry is revoked."""

    reason: Description
    deploy: bool = True
    confirm_restored: ConfirmRestored = False


class Restoration(Given):
    """Why a revoked entry is trusted again."""

    reason: Description = ""
    deploy: bool = True
    confirm_restored: ConfirmRestored = False


class SourceShown(Shown):
    """Where the certificate of an entry came from."""

    kind: Literal["connection", "file", "paste"]
    url: str | None


class Revoked(Shown):
    """Since when an entry is revoked, by whom and why."""

    at: When
    by: str
    reason: str


class EntryShown(Facts):
    """The certificate in one environment."""

    environment: str
    alias: str
    source: SourceShown
    revoked: Revoked | None
    connected_jwks: list[str]
    in_force: bool = Field(description="Whether the environment's newest release holds exactly this (D-21).")
    left_out: str | None = Field(description="Why releases leave it out as it is now; null where they take it (D-19).")


class LintFinding(Shown):
    """What the linter says, in its own words."""

    severity: Literal["fatal", "error", "warning", "notice", "info", "debug"]
    code: str
    message: str
    where: str = Field(description="The place within the certificate.")


class Lint(Shown):
    """A linter's report on a certificate."""

    sha256: str
    linter: str = Field(description="Its name and version.")
    group: Literal["cabf-serverauth", "pkix"] = Field(description="The rules that were chosen, by what it is.")
    rules: str = Field(description="The same in words.")
    kind: str = Field(description="What kind of certificate the linter took it for; empty with RFC 5280 alone.")
    findings: list[LintFinding] = Field(description="Worst first.")
    left_out: int = Field(description="How many more there are of codes that repeat too often.")


class Certificate(Shown):
    """A certificate as it is stored."""

    name: str
    description: str
    version: int
    entries: list[EntryShown]


class CertificateSaved(Certificate):
    """A certificate after a change, with what went along."""

    jwks: list[JwkChange] = Field(default_factory=list, description="The JWKs that the change acted on.")
    notices: list[Notice] = Field(default_factory=list, description="What to know of the sources (D-07).")
    deployment: Deployment | None = Field(None, description="There when something was deployed.")


class CertificateDeleted(Shown):
    """What went with a certificate."""

    jwks: list[JwkChange]
    deployment: Deployment | None = Field(None, description="There when something was deployed.")


class Certificates(Page):
    """A page of certificates."""

    items: list[Certificate]


class CertificateFilters(BaseModel):
    """What the list of certificates can be narrowed to."""

    q: Search = Field("", description="Name, description, alias, subject, issuer, serial, fingerprint or SAN.")
    environment: Text = ""
    status: Status | None = None
    expires_within: int | None = Field(None, ge=0, le=1_000_000, description="Days.")
    connected_jwks: bool | None = None
    sort: Literal["name", "-name", "valid_until", "-valid_until", "changed", "-changed"] = "name"

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of the search."""
        return {**self.model_dump(), "status": self.status or ""}


class Deletion(BaseModel):
    """The query of a deletion."""

    jwk_connection: Literal["delete", "disconnect"] | None = None
    confirm: Text = Field("", description="The certificate's name, when there are related JWKs.")
    version: Text | None = None
    deploy: bool = Field(True, description="false leaves the releases for later.")
    confirm_restored: ConfirmRestoredText = False

    def read(self) -> JwkAnswer | None:
        """The answer that actions take; none without `jwk_connection` and `confirm`."""
        if self.jwk_connection is None and not self.confirm:
            return None
        return JwkAnswer(self.jwk_connection, {}, self.confirm, self.version)


class CertificateExport(BaseModel):
    """What an export holds, and how."""

    format: Literal["zip", "pem", "der", "pkcs7"] = "zip"
    environment: Text | None = Field(None, description="One environment's certificate alone.")
