"""What a gateway's node said of a release, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trustyard.errors import withheld
from trustyard.pki.names import printable

State = Literal["pending", "sent", "accepted", "observed", "refused", "unreachable", "superseded", "drifted", "open"]
# What lists of gateways are filtered by: any state but the last two, or one.
Wanted = Literal[
    "needs attention", "open", "drifted", "refused", "unreachable", "pending", "sent", "accepted", "observed"
]
LOCAL = "local"  # the node of a gateway that is delivered to: the machine that Trustyard runs on
MOST_WORDS = 4000  # characters of a receipt
MOST_QUOTED = 500  # of what somebody else says in it


@dataclass(frozen=True)
class Receipt:
    """One node's word: the state, its own words (or ours about it), and how long it took.

    The words are one line that can be stored, logged and shown anywhere, whoever they are from: what a host's command
    prints may hold a private key, too.
    """

    node: str
    state: State
    detail: str = ""
    milliseconds: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", withheld(plain(self.detail, MOST_WORDS)))


def plain(words: str, most: int = MOST_QUOTED) -> str:
    """The words on one line, cut to `most` characters; what cannot be printed is replaced by U+FFFD."""
    cut = f"{words[: most - 1]}…" if len(words) > most else words
    line = cut if cut.isprintable() and "  " not in cut else " ".join(cut.split())
    return printable(line)
