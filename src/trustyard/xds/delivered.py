"""The store of a running Trustyard: the actions, with database connections looked after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, TypeVar

from trustyard.actions import delivery, gateway_tokens, news, receipts
from trustyard.actions.delivery import GatewayGiven
from trustyard.models.connections import looked_after
from trustyard.pki.content import Material
from trustyard.xds.store import Seen, Word

P = ParamSpec("P")
Answer = TypeVar("Answer")


def _query(call: Callable[P, Answer], *arguments: P.args, **named: P.kwargs) -> Answer:
    with looked_after():
        return call(*arguments, **named)


class Delivered:
    """Speaks with `actions.delivery`; see `trustyard.xds.store.Store`."""

    def gateways_of_tokens(self, tokens: Iterable[str]) -> dict[str, GatewayGiven]:
        found = _query(delivery.gateways_of_tokens, tokens, gateway_tokens.XDS)
        return {token: gateway for token, gateway in found.items() if gateway.kind == "envoy"}

    def why_not(self, token: str) -> str:
        return _query(gateway_tokens.why_not, token, gateway_tokens.XDS)

    def wanted(self, environment: str) -> Material | None:
        return _query(delivery.wanted, environment)

    def record_all(self, words: Sequence[Word]) -> None:
        _query(receipts.record_all, words)

    def seen_all(self, nodes: Sequence[Seen]) -> None:
        _query(delivery.seen_all, nodes)

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        return news.subscribe(callback)
