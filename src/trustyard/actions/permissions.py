"""The permission table: which role may do what. Every action asks it."""

from __future__ import annotations

from collections.abc import Iterable

from trustyard.errors import NotAllowed

from .actors import Actor

_ALL = frozenset({"admin", "operator", "viewer"})
_OPERATORS = frozenset({"admin", "operator"})
_ADMINS = frozenset({"admin"})

TABLE: dict[str, frozenset[str]] = {
    "certificates.read": _ALL,
    "certificates.export": _ALL,
    "certificates.inspect": _OPERATORS,  # it makes Trustyard connect to an address of somebody's choice
    "certificates.write": _OPERATORS,
    "certificates.delete": _OPERATORS,
    "entries.revoke": _OPERATORS,
    "jwks.read": _ALL,
    "jwks.write": _OPERATORS,
    "environments.read": _ALL,
    "environments.write": _ADMINS,
    "truststore.read": _ALL,
    "trust.check": _OPERATORS,  # the same: it connects to an address of somebody's choice
    "gateways.read": _ALL,
    "gateways.write": _OPERATORS,
    "gateways.bootstrap": _OPERATORS,  # it holds the gateway's own xDS token
    "releases.read": _ALL,
    "releases.deploy": _OPERATORS,
    "audit.read": _ALL,
    "users.manage": _ADMINS,
    "tokens.manage": _ADMINS,
}


def allowed(actor: Actor, permission: str, environments: Iterable[str] = ()) -> bool:
    """Whether the actor may, in all of these environments (D-24). For hiding what would be refused."""
    if actor.role not in TABLE[permission]:
        return False
    return actor.environments is None or actor.environments.issuperset(environments)


def require(actor: Actor, permission: str, environments: Iterable[str] = ()) -> None:
    """Raises `NotAllowed`, naming the role or the environments that are missing."""
    if actor.role not in TABLE[permission]:
        raise NotAllowed(
            f"The role {actor.role} may not do this ({permission}).",
            advice="Ask an administrator, or use an account or token of another role.",
        )
    foreign = sorted(set(environments) - actor.environments) if actor.environments is not None else []
    if foreign:
        raise NotAllowed(
            f"{actor.name} is an operator of other environments than {', '.join(foreign)}.",
            advice="Ask an administrator, or somebody who operates all of these environments.",
        )
