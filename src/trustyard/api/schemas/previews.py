"""The next release of an environment, judged before it leaves."""

from __future__ import annotations

from pydantic import Field

from trustyard.gateways.policies import Policy

from .deployments import LeftOut, PreviewNote
from .differences import Difference
from .gateways import Kind
from .strict import Shown


class PreviewGateway(Shown):
    """What one gateway would be given, and what it would make of it."""

    gateway: str
    kind: Kind
    certificates: int
    bytes: int = Field(description="Of all certificates as PEM.")
    notes: list[PreviewNote]


class ReleasePreview(Shown):
    """What the next release would change, leave out and meet; nothing is written."""

    environment: str
    start: int | None = Field(alias="from", description="The number of the newest release; null where there is none.")
    changed: bool = Field(description="False: deploying would make no release.")
    difference: Difference
    left_out: list[LeftOut]
    left_out_alone: bool = Field(description="What is left out, or why, is all that would change.")
    findings: list[PreviewNote] = Field(description="Errors of the certificates that it would hold.")
    gateways: list[PreviewGateway]
    policy: Policy
    blocked: list[str] = Field(description="Why the policy stops it; empty where it would leave.")
    asks: bool = Field(description="The policy wants a confirmation, because a certificate goes.")
