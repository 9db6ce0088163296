"""What the xDS server needs from the rest: whose token this is, what is wanted, and where to write what nodes say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from trustyard.gateways.receipts import Receipt
from trustyard.pki.content import Material

EVERYTHING = ""  # in place of an environment: words may have been lost
Word = tuple[int, int, Receipt]  # the gateway's id, the release's number, what its node said
Seen = tuple[int, str, bool]  # the gateway's id, the node's name, whether it is connected


class Gateway(Protocol):
    """A gateway as the store gives it."""

    @property
    def id(self) -> int: ...
    @property
    def environment(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


class Store(Protocol):
    """Called from threads; a call may block for as long as a query takes, and raise when the database is away."""

    def gateways_of_tokens(self, tokens: Iterable[str]) -> Mapping[str, Gateway]:
        """The gateways of kind `envoy` whose present tokens these are; the token of none is left out."""

    def why_not(self, token: str) -> str:
        """Why this token is that of none, as a sentence for the log."""

    def wanted(self, environment: str) -> Material | None:
        """The newest release."""

    def record_all(self, words: Sequence[Word]) -> None:
        """Stores receipts: all of them or none."""

    def seen_all(self, nodes: Sequence[Seen]) -> None:
        """Notes which nodes have opened their first stream, and of which the last one has ended."""

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Calls back, in any thread, with the environment that has news, or EVERYTHING; returns how to stop."""
