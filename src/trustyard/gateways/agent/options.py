"""What can be said of a gateway of kind `agent` in Trustyard; the rest is in the agent's own file, on its host."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from trustyard.gateways.proof import Probed


class AgentOptions(Probed):
    """What a host runs to check and reload is never here: nobody at Trustyard can make a host run anything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow_older: bool = Field(
        default=False,
        title="Allow older releases",
        description="Agents take a release that is older than theirs, too: after Trustyard came back from a backup.",
    )
