"""JWKs as they are read: by name or number, filtered, as REST shows them, and what one of an entry could be."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from trustyard import models
from trustyard.errors import FieldError, Refused, TrustyardError
from trustyard.pki.jwks import algorithms_for, findings, jwk_from_certificate
from trustyard.pki.names import fold

from . import found
from .actors import Actor
from .permissions import require

USES = ("sig", "enc")


def get(actor: Actor, name: str) -> models.Jwk:
    """The JWK of this name. Raises `NotFound`."""
    require(actor, "jwks.read")
    return found.by_name(_loaded(), name, "JWK")


def get_by_id(actor: Actor, pk: int) -> models.Jwk:
    """The JWK of this number. Raises `NotFound`."""
    require(actor, "jwks.read")
    return found.by_id(_loaded(), pk, "JWK")


def find(
    actor: Actor, *, q: str = "", environment: str = "", state: str = "", connected: bool | None = None
) -> QuerySet[models.Jwk]:
    """JWKs by name, filtered by text (name, description, key ID), environment, state and connection.

    Raises `Refused` for an unknown environment or state.
    """
    require(actor, "jwks.read")
    rows = _loaded().order_by("name_key")
    if text := found.sought(q):
        rows = rows.filter(Q(name_key__contains=fold(text)) | found.has("description", text) | found.has("kid", text))
    if environment:
        rows = rows.filter(environments=found.environment(environment))
    if state:
        check_state(state, "bad-filter")
        rows = rows.filter(state=state)
    return rows if connected is None else rows.filter(entry__isnull=not connected)


def _loaded() -> QuerySet[models.Jwk]:
    return models.Jwk.objects.select_related(
        "entry__certificate", "entry__environment", "entry__x509"
    ).prefetch_related("environments")


def jwk_json(row: models.Jwk) -> dict[str, Any]:
    """A JWK as REST and the command line show it."""
    entry = row.entry
    return {
        "name": row.name,
        "description": row.description,
        "jwk": row.public,
        "kid": row.kid,
        "use": row.use or None,
        "alg": row.alg or None,
        "state": row.state,
        "environments": [place.name for place in row.environments.all()],
        "connected_to": {"certificate": entry.certificate.name, "environment": entry.environment.name}
        if entry
        else None,
        "findings": findings(row.public),
        "version": row.version,
    }


def choices(actor: Actor, certificate: str, environment: str) -> dict[str, Any]:
    """What a JWK of this entry can be: uses, the algorithms of each (default first), its key ID, or the problem."""
    require(actor, "jwks.read")
    chosen = found.entry(certificate, environment, "source").x509.read()
    try:
        fitting = {use: algorithms_for(chosen, use) for use in USES}
        fitting = {use: algorithms for use, algorithms in fitting.items() if algorithms}
        jwk = jwk_from_certificate(chosen)
    except TrustyardError as error:
        return {"uses": [], "algorithms": {}, "kid": "", "problem": error.detail}
    return {"uses": list(fitting), "algorithms": fitting, "kid": jwk["kid"], "problem": None}


def check_state(state: str, code: str) -> None:
    """Raises `Refused` with this code for a state that there is not."""
    if state not in models.jwks.STATES:
        sentence = "The state of a JWK is active or disabled."
        raise Refused(sentence, code=code, fields=[FieldError("state", sentence)])
