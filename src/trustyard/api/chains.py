"""Chains of entries and comparisons of certificates over REST; nothing is stored."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Router

from trustyard.actions import chains, comparing

from . import bodies
from .answers import shown
from .operations import Request, operation
from .schemas import chains as schemas

router = Router(tags=["Certificates"])


@router.get(
    "/certificates/{segment:name}/entries/{segment:environment}/chain",
    **operation("certificates.read", {200: schemas.Chain}, summary="Read the chain of an entry", refusals=(404,)),
)
def chain(request: Request, name: str, environment: str) -> HttpResponse:
    """What its source held, what is missing, foreign or cross-signed, and which anchors of any environment end it."""
    return shown(chains.of_entry(request.auth, name, environment))


@router.post(
    "/certificates/compare",
    **operation(
        "certificates.read",  # a side that connects or reads a source needs certificates.inspect: the action asks
        {200: schemas.Comparison},
        summary="Compare two certificates",
        reads=(bodies.JSON,),
    ),
)
def compare(request: Request, given: schemas.Sides) -> HttpResponse:
    """A side is a stored entry, what its server presents now (`live`), or one certificate out of a *source*."""
    return shown(comparing.compare(request.auth, given.left.read("left"), given.right.read("right")).json())
