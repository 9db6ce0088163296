"""What can be said of a gateway of kind `files`: where it writes."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from trustyard.gateways.proof import Probed


class FilesOptions(Probed):
    """`directory` lies under one of TRUSTYARD_FILES_ROOTS; without it, the data directory has a folder for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    directory: str | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        title="Directory",
        description="A folder under one of TRUSTYARD_FILES_ROOTS. Empty: the environment's own folder in the data "
        "directory of Trustyard. Only one gateway can have that: after a first start, in test and production, it is "
        "the gateway named files.",
    )
