"""Delivers the newest release of its environment to a gateway, and stores the receipt."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import structlog
from django.conf import settings

from trustyard.actions import delivery
from trustyard.actions.delivery import GatewayGiven
from trustyard.gateways.kinds import KINDS
from trustyard.gateways.places import Place
from trustyard.gateways.receipts import LOCAL, Receipt

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Brought:
    """The kind of the gateway, the release that was delivered, and the receipt of the gateway's node."""

    kind: str
    number: int
    receipt: Receipt

    @property
    def accepted(self) -> bool:
        return self.receipt.state == "accepted"


def bring(gateway_id: int) -> Brought | None:
    """Idempotent. None where there is nothing to bring, and where the gateway was changed or removed meanwhile.

    Raises what the database raises.
    """
    # Read now: the gateway or its release may have changed since the delivery was enqueued.
    gateway = delivery.one_pushed(gateway_id)
    return _bring(gateway) if gateway is not None else None


def _bring(gateway: GatewayGiven) -> Brought | None:
    material = delivery.wanted(gateway.environment)
    deliver = KINDS[gateway.kind].deliver
    if material is None or deliver is None:
        return None
    configuration = settings.TRUSTYARD
    place = Place(configuration.data_dir, gateway.environment, gateway.name, configuration.files_roots)
    try:
        receipt = deliver(material, gateway.options, place)
    except Exception as error:  # a kind answers with a receipt; this is for what nobody foresaw
        reference = secrets.token_hex(6)
        log.exception("delivery.unforeseen", reference=reference, gateway=gateway.name, error=type(error).__name__)
        receipt = Receipt(LOCAL, "unreachable", f"Trustyard itself failed; its log says more: {reference}.")
    if delivery.one_pushed(gateway.id) != gateway:
        return None  # the receipt is for other options; the news of their change starts another delivery
    delivery.record(gateway.id, material.number, receipt)
    brought = Brought(gateway.kind, material.number, receipt)
    _say(gateway, brought)
    return brought


def _say(gateway: GatewayGiven, brought: Brought) -> None:
    said = {
        "environment": gateway.environment,
        "gateway": gateway.name,
        "release": brought.number,
        "detail": brought.receipt.detail,
    }
    if brought.accepted:
        log.info("delivery.accepted", **said)
    else:
        log.warning("delivery.not_accepted", state=brought.receipt.state, **said)
