"""Environments over REST."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Query, Router

from trustyard.actions import environments
from trustyard.actions.environments import environment_json, saved_json

from . import bodies
from .answers import shown
from .operations import Request, operation
from .paging import Paging, page
from .paths import address
from .schemas import environments as schemas
from .schemas.problems import EnvironmentInUseProblem

router = Router(tags=["Environments"])


@router.get(
    "/environments",
    **operation("environments.read", {200: schemas.Environments}, summary="List environments", refusals=(422,)),
)
def listing(request: Request, filters: Query[schemas.EnvironmentFilters], paging: Query[Paging]) -> HttpResponse:
    """Environments in the order in which they were made."""
    rows = environments.find(request.auth, q=filters.q).order_by("pk")
    return shown(page(request.path, rows, paging, environment_json))


@router.post(
    "/environments",
    **operation(
        "environments.write",
        {201: schemas.EnvironmentSaved},
        summary="Make an environment",
        reads=(bodies.JSON,),
        refusals=(409,),
    ),
)
def create(request: Request, given: schemas.NewEnvironment) -> HttpResponse:
    """The name cannot be changed later; without `root_set` there is no root set."""
    roots = schemas.root_set(given.root_set)
    row = environments.create(
        request.auth,
        name=given.name,
        type=given.type,
        description=given.description,
        root_set="none" if roots is None else roots,  # an empty bundle is refused, and is not none
        deny_list=given.deny_list,
        policy=given.policy.read(),
        publish_truststore=given.publish_truststore,
    )
    return shown(saved_json(row), status=201, etag=row.etag, location=address("environments", row.name))


@router.get(
    "/environments/{segment:name}",
    **operation("environments.read", {200: schemas.Environment}, summary="Read an environment", refusals=(404,)),
)
def read(request: Request, name: str) -> HttpResponse:
    """The environment; an uploaded root set is counted, not shown: the truststore lists it."""
    row = environments.get(request.auth, name)
    return shown(environment_json(row), etag=row.etag)


@router.patch(
    "/environments/{segment:name}",
    **operation(
        "environments.write",
        {200: schemas.EnvironmentSaved},
        summary="Change an environment",
        changes=environments.get,
        reads=(bodies.JSON,),
    ),
)
def edit(request: Request, name: str, given: schemas.EnvironmentChange) -> HttpResponse:
    """A changed root set is in force with the environment's next release."""
    row = environments.update(
        request.auth,
        name,
        if_match=request.headers.get("If-Match"),
        type=given.type,
        description=given.description,
        root_set=schemas.root_set(given.root_set),
        deny_list=given.deny_list,
        policy=None if given.policy is None else given.policy.read(),
        publish_truststore=given.publish_truststore,
    )
    return shown(saved_json(row), etag=row.etag)


@router.delete(
    "/environments/{segment:name}",
    **operation(
        "environments.write",
        {204: None},
        summary="Delete an environment",
        changes=environments.get,
        conflict=EnvironmentInUseProblem,
    ),
)
def delete(request: Request, name: str) -> HttpResponse:
    """One with entries, gateways or JWKs is not deleted; the refusal says which."""
    environments.delete(request.auth, name, if_match=request.headers.get("If-Match"))
    return HttpResponse(status=204)
