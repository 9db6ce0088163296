"""The tokens that gateways introduce themselves with: derived from the secret key, stored nowhere.

A token is `<purpose>.<gateway>.<generation>.<MAC>`. The purpose is part of what the MAC is over, so a token of one kind
opens nothing of another; another generation of the gateway makes it another token, and ends the one before.
Tokens of an earlier secret key are taken as long as it is kept: gateways get new bootstraps one after the other.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from django.conf import settings

from trustyard import models

log = structlog.get_logger(__name__)
XDS, AGENT = "xds", "agent"
DIGITS = 18  # of a number that a database still takes


@dataclass(frozen=True)
class Claim:
    """The claims of a token whose MAC was verified: the gateway, and the generation of its token."""

    gateway_id: int
    generation: int


def token_of(row: models.Gateway, purpose: str) -> str:
    """The gateway's present token for this purpose."""
    return _written(purpose, f"{row.pk}.{row.token_generation}", settings.SECRET_KEY)


def generation() -> int:
    """A generation that no gateway had. It is not counted: after a restore numbers come again, and tokens must not."""
    return secrets.randbelow(2**31 - 1) + 1


def claimed(token: str, purpose: str) -> Claim | None:
    """The claims of a token of this purpose, if its MAC is right. Whether it is current, the gateway's row tells."""
    parts = token.split(".")
    if len(parts) != 4 or not (_number(parts[1]) and _number(parts[2])):
        return None
    claim = Claim(int(parts[1]), int(parts[2]))
    for age, key in enumerate([settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]):
        if hmac.compare_digest(_written(purpose, f"{parts[1]}.{parts[2]}", key).encode(), token.encode()):
            if age:
                _tell(purpose, claim)
            return claim
    return None


def holders(tokens: Iterable[str], purpose: str) -> dict[str, models.Gateway]:
    """The gateways whose present tokens these are, in one query; a token of nobody is left out."""
    claims = {token: claim for token in tokens if (claim := claimed(token, purpose))}
    rows = models.Gateway.objects.select_related("environment").in_bulk({c.gateway_id for c in claims.values()})
    return {
        token: row
        for token, claim in claims.items()
        if (row := rows.get(claim.gateway_id)) and row.token_generation == claim.generation
    }


def why_not(token: str, purpose: str) -> str:
    """Why a token opens nothing, for the log of whoever looks for the reason: it names the gateway, never the token."""
    if not token:
        return "It brought no token."
    claim = claimed(token, purpose)
    if claim is None:
        return "Its token is none that this Trustyard made, or was made with a secret key that is not kept any more."
    row = models.Gateway.objects.select_related("environment").filter(pk=claim.gateway_id).first()
    if row is None:
        return "The gateway of its token was deleted."
    return f"The token of {row.environment.name}/{row.name} was rotated: give it the new bootstrap."


@functools.cache
def _tell(purpose: str, claim: Claim) -> None:
    # Once in a process: who reads the log after a restart sees which gateways are left to be given a new bootstrap.
    log.warning("gateway.earlier_key", purpose=purpose, gateway_id=claim.gateway_id, advice="docs/operations.md")


def _written(purpose: str, claim: str, key: str) -> str:
    mac = hmac.new(key.encode(), f"{purpose}:{claim}".encode(), hashlib.sha256).digest()
    return f"{purpose}.{claim}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= DIGITS
