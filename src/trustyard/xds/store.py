"""What the xDS server needs from the rest: whose token this is, what is wanted, and where to write what nodes say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from trustyard.gateways.receipts import Receipt
from trustyard.pki.content import Material


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

    def gateway_of_token(self, token: str) -> Gateway | None:
        """The gateway of kind `envoy` whose present token this is."""

    def wanted(self, environment: str) -> Material | None:
        """The newest release."""

    def record(self, gateway_id: int, number: int, receipt: Receipt) -> None:
        """What a node said of a release."""

    def node_connected(self, gateway_id: int, node: str) -> None:
        """A node has opened its first stream."""

    def node_gone(self, gateway_id: int, node: str) -> None:
        """A node's last stream has ended."""

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Calls back, in any thread, with the environment that has news; returns the way to stop."""
