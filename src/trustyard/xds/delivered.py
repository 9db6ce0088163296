"""The store of a running Trustyard: the actions, with database connections looked after."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from trustyard.actions import delivery, gateway_tokens, news
from trustyard.actions.delivery import GatewayGiven
from trustyard.gateways.receipts import Receipt
from trustyard.models.connections import looked_after
from trustyard.pki.content import Material

P = ParamSpec("P")
Answer = TypeVar("Answer")


def _query(call: Callable[P, Answer], *arguments: P.args, **named: P.kwargs) -> Answer:
    with looked_after():
        return call(*arguments, **named)


class Delivered:
    """Speaks with `actions.delivery`; see `trustyard.xds.store.Store`."""

    def gateway_of_token(self, token: str) -> GatewayGiven | None:
        gateway = _query(delivery.gateway_of_token, token, gateway_tokens.XDS)
        return gateway if gateway and gateway.kind == "envoy" else None

    def wanted(self, environment: str) -> Material | None:
        return _query(delivery.wanted, environment)

    def record(self, gateway_id: int, number: int, receipt: Receipt) -> None:
        _query(delivery.record, gateway_id, number, receipt)

    def node_connected(self, gateway_id: int, node: str) -> None:
        _query(delivery.node_connected, gateway_id, node)

    def node_gone(self, gateway_id: int, node: str) -> None:
        _query(delivery.node_gone, gateway_id, node)

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        return news.subscribe(callback)
