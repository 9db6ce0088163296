"""Releases and what gateways said of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from .strict import Description, Given, Page, Shown, When, is_version

State = Literal["pending", "sent", "accepted", "observed", "refused", "unreachable", "superseded", "drifted", "open"]


def _answer(value: Any) -> Any:
    if not isinstance(value, bool) and not (isinstance(value, str) and is_version(value)):
        raise ValueError("This must be true, false or the version of the refusal.")
    return value


ConfirmRestored = Annotated[
    bool | str,
    BeforeValidator(_answer),
    Field(description="Deploy over a restored release: true, or `version` of the refusal for just what it listed."),
]


def confirmed(text: str) -> bool | str:
    """The same where it stands as text, in an address or a form. Raises `ValueError`."""
    answer: bool | str = _answer({"": False, "false": False, "true": True}.get(text, text))
    return answer


ConfirmRestoredText = Annotated[
    bool | str,
    BeforeValidator(confirmed),
    Field(description="true, or the version of the refusal: as in a body."),
]


class Waiting(BaseModel):
    """How long a write that deploys waits for receipts."""

    wait: float = Field(5, ge=0, le=60, allow_inf_nan=False, description="Seconds to wait for receipts.")


class NodeState(Shown):
    """One node of a gateway: its state and its own words."""

    gateway: str
    node: str
    state: State
    detail: str
    milliseconds: int | None
    proof: str = Field(description="What a look at its listener proved; empty where nobody looked.")


class LeftOut(Shown):
    """What a release does not hold though it is saved, and why."""

    certificate: str
    alias: str
    reason: str


class PreviewNote(Shown):
    """One thing to know: about which alias (null: the whole), and a sentence."""

    code: str
    alias: str | None
    sentence: str


SavedFindings = Annotated[
    list[PreviewNote],
    Field(description="Errors of what was saved without a deploy; those of a release stand in `deployment`."),
]


class Besides(Shown):
    """What a release changed besides what was asked for: saved before, and not deployed until now."""

    count: int
    names: list[str] = Field(description="Certificates, then JWKs; the first twenty.")


class EnvironmentDeployment(Shown):
    """One environment's release and its gateways."""

    environment: str
    release: int
    state: State
    left_out: list[LeftOut]
    findings: list[PreviewNote] = Field(description="Errors of the certificates that came into force with it.")
    besides: Besides = Field(description="Empty where all that is saved there was meant.")
    gateways: list[NodeState]


class Deployment(Shown):
    """What was deployed, environment by environment."""

    environments: list[EnvironmentDeployment]


class Release(Shown):
    """An immutable snapshot of what an environment trusts and publishes."""

    environment: str
    number: int
    digest: str
    created_at: When
    made_by: str
    note: str
    restored_from: int | None
    left_out: list[LeftOut]
    gateways: list[NodeState]


class ReleaseDeployed(Release):
    """A release with its deployment."""

    deployment: Deployment


class Releases(Page):
    """A page of releases, newest first."""

    items: list[Release]


class NewRelease(Given):
    """What can be said of a release when it is made."""

    note: Annotated[Description, Field(description="Why, in a sentence.")] = ""
    confirm_restored: ConfirmRestored = False


class JwkChange(Shown):
    """What a change of a certificate did with a JWK."""

    name: str
    environment: str
    change: Literal["updated", "disconnected", "deleted", "disabled", "enabled"]
    kid: str
