"""Trust checks over REST."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Router

from trustyard.actions import trust_checks

from . import bodies
from .answers import shown
from .operations import Request, operation
from .schemas import trust_checks as schemas

router = Router(tags=["Truststore"])


@router.post(
    "/environments/{segment:name}/trust-check",
    **operation(
        "trust.check",
        {200: schemas.TrustChecked},
        summary="Ask whether a server or client would be accepted",
        reads=(bodies.JSON,),
        refusals=(404,),
    ),
)
def check(request: Request, name: str, given: schemas.TrustCheck) -> HttpResponse:
    """Judges what stands in a source against the environment's truststore; stores nothing, looks at no revocation."""
    return shown(trust_checks.check(request.auth, name, given.read()).json())
