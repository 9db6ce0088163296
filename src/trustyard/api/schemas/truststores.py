"""The truststore's rows as they are shown."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from .deployments import NodeState, State
from .facts import Facts, Status
from .strict import Page, Search, Shown, Text


class Row(Facts):
    """A row of the truststore: in force, or saved and in no release yet."""

    alias: str
    origin: Literal["certificate", "root"]
    certificate: str | None = Field(description="The certificate (definition) that it belongs to; null for a root.")
    pending: Literal["added", "removed", "changed"] | None
    reason: str | None = Field(description="Why it is pending, in a sentence.")
    left_out: str | None = Field(
        description="Why releases leave out what is saved under this alias as it is now: with `pending` `added` it "
        "waits for none, with `removed` it goes with the next one. Null where they take it."
    )


class Standing(Shown):
    """The release in force, and what each node of each gateway said of it."""

    number: int
    state: State = Field(description="The worst of the nodes' states.")
    gateways: list[NodeState]


class Rows(Page):
    """A page of the truststore, entries first."""

    items: list[Row]
    release: Standing | None = Field(description="The release that holds what is in force; null before the first.")


class RowFilters(BaseModel):
    """What the rows can be narrowed to."""

    q: Search = Field("", description="Alias, names, subject, issuer, serial, fingerprint or SAN.")
    origin: Literal["certificate", "root"] | None = None
    status: Status | None = None
    severity: Literal["error", "warning", "notice"] | None = Field(None, description="With a finding of it.")
    finding: Text | None = Field(None, description="With the finding of this code.")


class TruststoreExport(BaseModel):
    """What an export holds, and how."""

    format: Literal["pem", "zip", "pkcs7", "pkcs12", "jks"] = "pem"
    include: Literal["all", "used", "roots"] = Field("all", description="used: without the root set; roots: it alone.")
    password: Text = Field(
        "changeit",
        max_length=1000,
        description="Of pkcs12 and jks; for pkcs12 from space to ~ alone, as Java opens no other.",
    )
