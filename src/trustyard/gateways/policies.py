"""What an environment's policy says of weak certificates, of anchors that a gateway will not honour, of removals."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Type = Literal["test", "production"]


class Policy(BaseModel):
    """Three questions of a release before it leaves; what is not said follows from the environment's type."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weak: Literal["warn", "leave out", "block"] = Field(
        "warn", description="Certificates with a finding of severity error, such as a short key or a broken signature."
    )
    unhonoured: Literal["warn", "block"] = Field(
        "warn", description="Anchors that a gateway of the environment will not honour."
    )
    removal: Literal["allow", "confirm"] = Field(
        "allow", description="Deploying takes an anchor away: `confirm` wants the environment's name typed."
    )


def of(stored: dict[str, str], type: str) -> Policy:
    """The policy in force: what was said, else the default of the type (production asks before an anchor goes)."""
    defaults = {"removal": "confirm"} if type == "production" else {}
    return Policy.model_validate({**defaults, **stored})
