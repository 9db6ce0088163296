"""Releases compared and restored, environments promoted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from trustyard.actions.certificates import JwkAnswer

from .certificates import JwkConnection
from .deployments import ConfirmRestored, Deployment, JwkChange, LeftOut, SavedFindings
from .differences import Difference
from .moments import End
from .problems import PromotedConnection
from .strict import Description, Given, Name, Shown, Text, Version

Against = Annotated[Text, Field(max_length=20)]


class ReleaseFilters(BaseModel):
    """What the list of releases can be narrowed to."""

    at: End = Field(None, description="RFC 3339: the one release that was in force then, at the end of that second.")


class Comparison(BaseModel):
    """What a release is compared with."""

    against: Against = Field(
        "",
        description="The number of another release (default: the one before), or `saved`: what the next would change.",
    )


class Compared(Difference):
    """The difference, and from what to what: numbers of releases, `saved`, or null for nothing."""

    environment: str
    start: int | Literal["saved"] | None = Field(alias="from")
    end: int | Literal["saved"] = Field(alias="to")


class RestoreRelease(Given):
    """How an old release is restored."""

    note: Annotated[Description, Field(description="Why, in a sentence.")] = ""
    preview: Annotated[bool, Field(description="Only say what would be done.")] = False
    version: Annotated[
        Version | None, Field(description="`version` of a preview: refused when it would be another now.")
    ] = None


class ReleaseRestoration(Shown):
    """What restoring a release would do now."""

    environment: str
    release: int
    version: str
    left_out: list[LeftOut] = Field(description="What cannot come back, and why.")
    difference: Difference = Field(description="From what is in force to what would be.")


class Promote(Given):
    """What is taken from where."""

    start: Annotated[Name, Field(alias="from", description="The environment to take from.")]
    certificates: list[Name] | None = Field(None, max_length=5000, description="By name; null takes all.")
    deploy: bool = False
    preview: bool = Field(False, description="Only say what would be done.")
    version: Version | None = Field(None, description="`version` of a preview: refused when it would be another now.")
    jwk_connection: dict[str, JwkConnection] = Field(
        default_factory=dict, description="By certificate: what becomes of the JWKs of its entry in this environment."
    )
    note: Annotated[Description, Field(description="Why, in a sentence.")] = ""
    confirm_restored: ConfirmRestored = False

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments that preview and promotion share."""
        return {"source": self.start, "names": self.certificates, "answers": self._answers()}

    def _answers(self) -> dict[str, JwkAnswer]:
        return {name: given.read() for name, given in self.jwk_connection.items()}


class PromotedCertificate(Shown):
    """One certificate that is taken."""

    certificate: str
    alias: str = Field(description="Its alias in the target.")
    change: Literal["add", "replace"]
    sha256: str


class Promotion(Shown):
    """What was taken, or would be."""

    environment: str
    start: str = Field(alias="from")
    version: str
    certificates: list[PromotedCertificate]
    left_behind: list[LeftOut] = Field(description="What was not taken, and why.")
    difference: Difference = Field(description="What this changes of the target's next release.")
    waiting: Difference = Field(description="What was saved in the target before, and waits for that release too.")
    left_out: list[LeftOut] = Field(description="What is taken, and releases of the target leave out as it is now.")
    jwk_connection: list[PromotedConnection] = Field(description="Of a preview: the JWKs to decide about.")
    jwks: list[JwkChange] = Field(description="What was done with JWKs.")
    findings: SavedFindings
    deployment: Deployment | None = Field(None, description="There when something was deployed.")
