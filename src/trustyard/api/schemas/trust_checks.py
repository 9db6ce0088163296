"""Trust checks as they are asked and answered."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trustyard.actions.moments import moment_of
from trustyard.actions.trust_checks import Asked

from .sources import Notice, Source
from .strict import Given, Name, Sha256, Shown, When


class TrustCheck(Given):
    """A question: would the environment's truststore accept what stands in this source?"""

    source: Source
    choose: Sha256 | None = Field(None, description="The SHA-256 of one of several certificates in the source.")
    purpose: Literal["server", "client"] = "server"
    name: str | None = Field(
        None,
        max_length=1000,
        description="Host name or IP address, for clients also an e-mail address or a URI; "
        "for a server by default the host of a connection's URL. Without a name none is compared.",
    )
    moment: Annotated[When, Field(max_length=100)] | None = Field(None, description="RFC 3339; now unless given.")
    trust: Name = Field(
        "all", description="`all`, `used` (without the root set), or an alias, also as `alias/<alias>`."
    )
    state: Literal["saved", "in force"] = Field(
        "saved", description="What a release made at that moment would hold, or what the newest one holds."
    )

    def read(self) -> Asked:
        """The question that actions take. Raises `Refused` for a source or a moment that cannot be read."""
        return Asked(
            self.source.read("source"),
            self.choose,
            self.purpose,
            self.name or "",
            moment_of(self.moment) if self.moment is not None else None,
            self.trust,
            self.state,
        )


Word = Literal["accepted", "refused"]


class Rule(Shown):
    """A rule of docs/trust-check.md."""

    code: str
    says: str
    source: str = Field(description="Where the rule stands, such as `RFC 5280, section 6.1.3`.")


class Remark(Rule):
    """A rule, and what it says of this case."""

    message: str
    certificate: str | None = Field(description="The SHA-256 of the certificate that it is about.")


class Validator(Shown):
    """What an independent validator says, in its own words."""

    name: str
    version: str
    verdict: Word
    words: str


class Brief(Shown):
    """A certificate, in few words."""

    certificate_name: str
    sha256: str
    subject: str
    issuer: str
    not_before: When
    not_after: When


class Step(Brief):
    """A certificate of the path."""

    place: Literal["end entity", "intermediate", "root", "anchor"] = Field(description="`root`: one that is no anchor.")
    alias: str | None = Field(description="Of the anchor in the environment.")


class Advice(Shown):
    """What to add, or whom to ask."""

    kind: Literal["anchor", "intermediate", "pin", "ask", "address"]
    message: str
    certificate_name: str | None
    sha256: str | None
    environment: str | None = Field(description="Where the CA is known already.")
    alias: str | None
    address: str | None = Field(description="Of the issuer's certificate; shown, never fetched.")


class TrustChecked(Shown):
    """The answer: our verdict and the rule that decided, what two validators say, the path, and what to add."""

    environment: str
    trust: str
    state: Literal["saved", "in force"]
    release: int | None = Field(description="The release in force; null for what is saved.")
    anchors: int = Field(description="How many certificates were trusted.")
    purpose: Literal["server", "client"]
    name: str | None
    moment: When
    certificate: Brief
    verdict: Word
    message: str
    rule: Rule
    differ: bool = Field(description="Whether a validator says something else than the verdict.")
    difference: str = Field(description="Why such a validator is not followed; empty where all agree.")
    validators: list[Validator]
    remarks: list[Remark] = Field(description="Every rule that says something of this case, the deciding one first.")
    path: list[Step] = Field(description="From the end entity up; as far as it goes where no anchor is reached.")
    reaches_anchor: bool
    advice: list[Advice]
    notices: list[Notice] = Field(description="What to know of the source (D-07).")
