"""Gateways over REST."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Query, Router

from trustyard.actions import fleet, gateways
from trustyard.actions.fleet import gateway_json

from . import bodies
from .answers import shown
from .operations import Request, operation
from .paging import Paging, page_at_once
from .paths import address
from .schemas import gateways as schemas

router = Router(tags=["Gateways"])
YAML, TOML = "application/yaml", "application/toml"


@router.get(
    "/environments/{segment:environment}/gateways",
    **operation("gateways.read", {200: schemas.Gateways}, summary="List gateways", refusals=(404, 422)),
)
def listing(
    request: Request, environment: str, filters: Query[schemas.GatewayFilters], paging: Query[Paging]
) -> HttpResponse:
    """The gateways of an environment that fit every filter, each with its state and its nodes."""
    rows, said = fleet.find(request.auth, environment, q=filters.q), None
    if filters.state:
        rows, said = fleet.in_state(rows, filters.state)
    return shown(page_at_once(request.path, rows, paging, lambda found: fleet.gateways_json(found, said)))


@router.post(
    "/environments/{segment:environment}/gateways",
    **operation(
        "gateways.write",
        {201: schemas.Gateway},
        summary="Add a gateway",
        reads=(bodies.JSON,),
        refusals=(404, 409),
    ),
)
def create(request: Request, environment: str, given: schemas.NewGateway) -> HttpResponse:
    """It is given the environment's newest release at once."""
    row = gateways.create(request.auth, environment, name=given.name, kind=given.kind, options=given.options)
    place = address("environments", row.environment.name, "gateways", row.name)
    return shown(gateway_json(row), status=201, etag=row.etag, location=place)


@router.get(
    "/environments/{segment:environment}/gateways/{segment:name}",
    **operation("gateways.read", {200: schemas.Gateway}, summary="Read a gateway", refusals=(404,)),
)
def read(request: Request, environment: str, name: str) -> HttpResponse:
    """The gateway, its state, its options and its nodes. No secret is part of it."""
    row = gateways.get(request.auth, environment, name)
    return shown(gateway_json(row), etag=row.etag)


@router.patch(
    "/environments/{segment:environment}/gateways/{segment:name}",
    **operation(
        "gateways.write",
        {200: schemas.Gateway},
        summary="Change a gateway",
        changes=gateways.get,
        reads=(bodies.JSON,),
        refusals=(409,),
    ),
)
def edit(request: Request, environment: str, name: str, given: schemas.GatewayChange) -> HttpResponse:
    """Gives it other options, or another token."""
    row = gateways.update(
        request.auth,
        environment,
        name,
        if_match=request.headers.get("If-Match"),
        options=given.options,
        new_token=given.rotate_token,
    )
    return shown(gateway_json(row), etag=row.etag)


@router.delete(
    "/environments/{segment:environment}/gateways/{segment:name}",
    **operation("gateways.write", {204: None}, summary="Remove a gateway", changes=gateways.get),
)
def delete(request: Request, environment: str, name: str) -> HttpResponse:
    """What the gateway itself has in force stays there."""
    gateways.delete(request.auth, environment, name, if_match=request.headers.get("If-Match"))
    return HttpResponse(status=204)


@router.get(
    "/environments/{segment:environment}/gateways/{segment:name}/bootstrap",
    **operation(
        "gateways.bootstrap",
        {200: None},
        summary="The configuration that a gateway starts with",
        refusals=(404, 422),
        files=(YAML, TOML),
    ),
)
def bootstrap(request: Request, environment: str, name: str, query: Query[schemas.BootstrapOptions]) -> HttpResponse:
    """A complete configuration of Envoy (YAML) or an agent (TOML), with its own token. Each look is an audit event."""
    made = gateways.bootstrap(request.auth, environment, name, **query.model_dump())
    return HttpResponse(made.text.encode(), content_type=made.media_type)
