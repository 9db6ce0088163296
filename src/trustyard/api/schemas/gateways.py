"""Gateways as they are given and shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, WithJsonSchema

from trustyard.gateways.kinds import KINDS
from trustyard.gateways.receipts import Wanted

from .deployments import State
from .strict import Given, Name, Page, Search, Shown, Text, When, whole_schema


def _any_kind() -> dict[str, Any]:
    """The schema of any kind's options."""
    return {"anyOf": [whole_schema(kind.options) | {"title": kind.title} for kind in KINDS.values()]}


Kind = Annotated[str, WithJsonSchema({"type": "string", "enum": list(KINDS)})]
Options = Annotated[dict[str, Any], WithJsonSchema(_any_kind())]


class GatewayFilters(BaseModel):
    """What the list of gateways can be narrowed to."""

    q: Search = Field("", description="Name.")
    state: Wanted | None = Field(
        None, description="The worst that its nodes last said of the newest release; see docs/operations.md."
    )


class NewGateway(Given):
    """A gateway to add; its name and kind never change."""

    name: Name
    kind: Annotated[Kind, Field(max_length=100, description="docs/gateways/ has a page for each.")]
    options: Options = Field(default_factory=dict, description="Of the kind.")


class GatewayChange(Given):
    """What shall change; null means: as it is."""

    options: Options | None = None
    rotate_token: bool = Field(
        False, description="Makes the token of an envoy or agent another one: give out a new bootstrap."
    )


class Node(Shown):
    """A running process of a gateway."""

    node: str
    connected: bool
    last_seen: When
    agents: list[str] = Field(
        default_factory=list,
        description="The addresses of the agents that speak under this name by turns, where they are several: "
        "give each host's agent a `node` of its own.",
    )


class Gateway(Shown):
    """A gateway; no secret is part of it."""

    environment: str
    name: str
    kind: Kind
    state: State | None = Field(
        description="The worst that its nodes last said of the newest release; null where there is no release yet."
    )
    options: dict[str, Any]
    nodes: list[Node]
    version: int


class Gateways(Page):
    """A page of gateways."""

    items: list[Gateway]


class BootstrapOptions(BaseModel):
    """What Envoy's bootstrap holds besides the way to Trustyard: a listener for mutual TLS."""

    listen: Text | None = Field(None, max_length=300, description="HOST:PORT of the listener.")
    cert: Text | None = Field(None, max_length=4000, description="Path of its certificate, where Envoy runs.")
    key: Text | None = Field(None, max_length=4000, description="Path of its key; never sent here.")
    trust: Text | None = Field(None, max_length=300, description="used, truststore or alias/<alias>.")
    mode: Literal["delta", "sotw"] = "delta"
