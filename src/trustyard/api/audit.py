"""The audit over REST."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Query, Router

from trustyard.actions import audit
from trustyard.actions.audit import event_json

from .answers import shown
from .operations import Request, operation
from .paging import Paging, page
from .schemas import audit as schemas

router = Router(tags=["Audit"])


@router.get("/audit", **operation("audit.read", {200: schemas.Events}, summary="List audit events", refusals=(422,)))
def listing(request: Request, filters: Query[schemas.EventFilters], paging: Query[Paging]) -> HttpResponse:
    """Who did what, newest first."""
    rows = audit.find(
        request.auth,
        by=filters.actor,
        object_name=filters.object,
        action=filters.action,
        since=filters.since,
        until=filters.until,
        request_id=filters.request_id,
    )
    return shown(page(request.path, rows, paging, event_json))
