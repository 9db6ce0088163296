"""What can be said of a gateway of kind `envoy`: whose tokens its JWT filter takes, and where."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from trustyard.gateways.proof import Probed


class Issuer(BaseModel):
    """Tokens with this `iss`, for one of these audiences (none given: any), on paths that begin with `prefix`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str = Field(min_length=1, max_length=500)
    audiences: tuple[str, ...] = Field(default=(), max_length=100)
    prefix: str = Field(default="/", max_length=500)

    @field_validator("prefix")
    @classmethod
    def _a_path(cls, prefix: str) -> str:
        if not prefix.startswith("/"):
            raise ValueError("A prefix is a path and begins with /.")
        return prefix

    @field_validator("audiences")
    @classmethod
    def _no_empty_audience(cls, audiences: tuple[str, ...]) -> tuple[str, ...]:
        if "" in audiences:
            raise ValueError("An audience is not empty.")
        return audiences


class EnvoyOptions(Probed):
    """Without an issuer the JWT filter asks for a token on every path and takes any issuer that the set verifies."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuers: tuple[Issuer, ...] = Field(
        default=(),
        max_length=100,
        title="Issuers",
        description="Whose tokens the JWT filter takes. Empty: any issuer whose token the published JWKs verify.",
        examples=[[{"issuer": "https://issuer.example", "audiences": ["api"], "prefix": "/"}]],
    )
