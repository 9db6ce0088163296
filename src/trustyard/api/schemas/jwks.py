"""JWKs as they are given and shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from trustyard.actions.jwks import FromCertificate, HandGiven

from .deployments import ConfirmRestored, ConfirmRestoredText, Deployment
from .sources import Notice
from .strict import OF_KINDS, Description, Given, Name, Page, Search, Shown, Text

Use = Literal["sig", "enc"]
Algorithm = Annotated[str, Field(min_length=1, max_length=100)]
KeyId = Annotated[str, Field(max_length=1000)]


class OfCertificate(Given):
    """Made from one environment's entry of a certificate, and connected to it."""

    kind: Literal["certificate"]
    certificate: Name
    environment: Name

    def read(self) -> FromCertificate:
        """The source that actions take."""
        return FromCertificate(self.certificate, self.environment)


class GivenByHand(Given):
    """A public JWK that somebody has. Private members are refused by name."""

    kind: Literal["jwk"]
    jwk: dict[str, Any]
    environments: list[Name] = Field(min_length=1, max_length=500)

    def read(self) -> HandGiven:
        """The source that actions take."""
        return HandGiven(self.jwk, self.environments)


class NewJwk(Given):
    """A JWK to store."""

    name: Name
    description: Description = ""
    source: Annotated[OfCertificate | GivenByHand, Field(discriminator="kind"), OF_KINDS]
    use: Use | None = Field(None, description="The key's usual one unless given.")
    alg: Algorithm | None = Field(None, description="The one that fits unless given; null states none.")
    kid: KeyId | None = Field(None, description="The RFC 7638 thumbprint unless given.")
    deploy: bool = False
    confirm_restored: ConfirmRestored = False


class JwkEdit(Given):
    """What shall change; a member that is left out stays as it is."""

    name: Name | None = None
    description: Description | None = None
    use: Use | None = None
    alg: Algorithm | None = Field(None, description="null states none.")
    kid: KeyId | None = Field(None, description="null goes back to the thumbprint.")
    state: Literal["active", "disabled"] | None = None
    deploy: bool = False
    confirm_restored: ConfirmRestored = False


class ConnectedTo(Shown):
    """The entry that a JWK was made from."""

    certificate: str
    environment: str


class Jwk(Shown):
    """A JWK."""

    name: str
    description: str
    jwk: dict[str, Any] = Field(
        description="Public members alone, `x5c` and `x5t#S256` where it came from a certificate."
    )
    kid: str
    use: Use | None
    alg: str | None
    state: Literal["active", "disabled"]
    environments: list[str]
    connected_to: ConnectedTo | None
    findings: list[str] = Field(description="What is weak about the key.")
    version: int


class JwkSaved(Jwk):
    """A JWK after a change."""

    deployment: Deployment | None = Field(None, description="There when something was deployed.")


class JwkMade(JwkSaved):
    """A new JWK."""

    notices: list[Notice] = Field(
        description="What of a key given by hand was left out, and that the key has another key ID here."
    )


class JwkDeleted(Shown):
    """What went with a JWK."""

    deployment: Deployment | None = Field(None, description="There when something was deployed.")


class Jwks(Page):
    """A page of JWKs."""

    items: list[Jwk]


class JwkFilters(BaseModel):
    """What the list of JWKs can be narrowed to."""

    q: Search = Field("", description="Name, description or key ID.")
    environment: Text = ""
    state: Literal["active", "disabled"] | None = None
    connected: bool | None = None


class JwkDeletion(BaseModel):
    """The query of a deletion."""

    deploy: bool = Field(True, description="false leaves the releases for later.")
    confirm_restored: ConfirmRestoredText = False
