"""What a gateway's node said of a release, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["pending", "sent", "accepted", "observed", "refused", "unreachable", "superseded", "drifted", "open"]


@dataclass(frozen=True)
class Receipt:
    """One node's word: the state, its own words (or ours about it), and how long it took."""

    node: str
    state: State
    detail: str = ""
    milliseconds: int | None = None
