"""Environments as they are given and shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from trustyard.gateways.policies import Policy

from .sources import Notice
from .strict import Description, Given, Name, Page, Search, Sha256, Shown


class UploadedRoots(Given):
    """Roots of one's own, as a bundle in PEM."""

    pem: str = Field(max_length=10_000_000)


PUBLISH = "Anybody may fetch the truststore in force, without a token, below `/published/`."


def _root_set_of(*words: str) -> Discriminator:
    def form(value: Any) -> str | None:
        return "pem" if isinstance(value, dict | UploadedRoots) else "word" if value in words else None

    sentence = f"This must be {', '.join(words)} or an object with pem"
    return Discriminator(form, custom_error_type="root_set", custom_error_message=sentence)


Uploaded = Annotated[UploadedRoots, Tag("pem")]
RootSet = Annotated[
    Annotated[Literal["none", "mozilla"], Tag("word")] | Uploaded,
    _root_set_of("none", "mozilla"),
]
OtherRootSet = Annotated[
    Annotated[Literal["none", "mozilla", "uploaded"], Tag("word")] | Uploaded,
    _root_set_of("none", "mozilla", "uploaded"),
]
DenyList = Annotated[list[Sha256], Field(max_length=10_000, description="Roots that are left out.")]


class PolicyGiven(Given):
    """What shall happen before a release leaves; what was never said follows from the environment's type."""

    weak: Literal["warn", "leave out", "block"] | None = None
    unhonoured: Literal["warn", "block"] | None = None
    removal: Literal["allow", "confirm"] | None = None

    def read(self) -> dict[str, str]:
        """What was said."""
        return self.model_dump(exclude_none=True)


class EnvironmentFilters(BaseModel):
    """What the list of environments can be narrowed to."""

    q: Search = Field("", description="Name or description.")


class NewEnvironment(Given):
    """An environment to make; its name never changes."""

    name: Name
    type: Literal["test", "production"] = "test"
    description: Description = ""
    root_set: RootSet = "none"
    deny_list: DenyList = Field(default_factory=list)
    policy: PolicyGiven = Field(default_factory=PolicyGiven)
    publish_truststore: bool = Field(False, description=PUBLISH)


class EnvironmentChange(Given):
    """What shall change; null means: as it is."""

    type: Literal["test", "production"] | None = None
    description: Description | None = None
    root_set: OtherRootSet | None = Field(None, description="`uploaded`: the bundle that is there.")
    deny_list: DenyList | None = None
    policy: PolicyGiven | None = Field(None, description="What it does not say stays as it is.")
    publish_truststore: bool | None = Field(None, description=PUBLISH)


def root_set(given: OtherRootSet | None) -> str | bytes | None:
    """The root set that actions take."""
    return given.pem.encode() if isinstance(given, UploadedRoots) else given


class Environment(Shown):
    """An environment."""

    name: str
    type: Literal["test", "production"]
    description: str
    root_set: Literal["none", "mozilla", "uploaded"]
    roots: int = Field(description="How many roots the set has, without those denied.")
    deny_list: list[str]
    policy: Policy
    publish_truststore: bool = Field(description=PUBLISH)
    release: int | None = Field(description="The number of the newest release.")
    version: int


class EnvironmentSaved(Environment):
    """An environment after a change."""

    notices: list[Notice] = Field(description="What to know of a bundle that was given.")


class Environments(Page):
    """A page of environments."""

    items: list[Environment]
