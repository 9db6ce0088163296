"""Problems as RFC 9457 has them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from .differences import Difference
from .strict import Shown

Choice = Literal["update", "disconnect", "delete"]  # of what becomes of JWKs


class FieldAtFault(Shown):
    """One field and one sentence."""

    field: str
    message: str


class Problem(BaseModel):
    """An error. `type` ends in the code that docs/errors.md explains; some codes bring more members."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldAtFault] = Field(default_factory=list)
    request_id: str = Field("", description="As in the header X-Request-ID, in log lines and audit events.")


class Successor(Shown):
    """What a JWK would become."""

    kid: str
    alg: str | None


class RelatedJwk(Shown):
    """A JWK that a change concerns."""

    name: str
    environment: str
    kid: str
    alg: str | None
    becomes: Successor | None
    problem: str | None = Field(description="Why it cannot be updated.")
    options: list[Choice] = Field(description="What can be done with this one.")
    algorithms: list[str] = Field(description="The algorithms that fit the new key.")


class RestoredEnvironment(Difference):
    """An environment on a restored release, and what a deploy would change of it."""

    environment: str
    release: int
    restored_from: int


class EnvironmentInUseProblem(Problem):
    """A conflict. Of the type `environment-in-use` it lists what is in the way."""

    used_by: list[str] = Field(default_factory=list)


class DeployProblem(Problem):
    """A conflict. Of the type `restored` it lists what a deploy would change; answer with `confirm_restored`.

    Of the type `preflight` it lists why the environment's policy stops the release.
    """

    version: str = Field("", description="Names this very list; send it back with the answer.")
    moved: bool = Field(False, description="True when an answer was given, and the list is another one by now.")
    restored: list[RestoredEnvironment] = Field(default_factory=list)
    environment: str = Field("", description="Of the type `preflight`: whose policy it is.")
    blocked: list[str] = Field(default_factory=list)


class JwkConnectionProblem(DeployProblem):
    """A conflict. Of the type `jwk-connection` it lists the JWKs to decide about; answer with `jwk_connection`."""

    options: list[Choice] = Field(default_factory=list)
    jwks: list[RelatedJwk] = Field(default_factory=list)


class PromotedConnection(Shown):
    """The JWKs of one certificate that is promoted; answer under its name in `jwk_connection`."""

    certificate: str
    detail: str
    options: list[Choice]
    version: str
    jwks: list[RelatedJwk]
    moved: bool


class PromotionProblem(JwkConnectionProblem):
    """A conflict. Of the type `jwk-connection` it lists the JWKs of each certificate."""

    certificates: list[PromotedConnection] = Field(default_factory=list)


PROBLEMS = (Problem, EnvironmentInUseProblem, DeployProblem, JwkConnectionProblem, PromotionProblem)
