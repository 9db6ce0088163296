"""Releases over REST: what was deployed, and Deploy itself."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Query, Router

from trustyard.actions import releases
from trustyard.actions.releases import release_json

from . import bodies
from .answers import deployed, shown
from .operations import Request, operation
from .paging import Paging, page
from .paths import address
from .schemas import deployments as schemas

router = Router(tags=["Releases"])


@router.get(
    "/environments/{segment:environment}/releases",
    **operation("releases.read", {200: schemas.Releases}, summary="List releases", refusals=(404, 422)),
)
def listing(request: Request, environment: str, paging: Query[Paging]) -> HttpResponse:
    """The releases of an environment, newest first."""
    return shown(page(releases.find(request.auth, environment), paging, release_json))


@router.post(
    "/environments/{segment:environment}/releases",
    **operation(
        "releases.deploy",
        {200: schemas.ReleaseDeployed, 201: schemas.ReleaseDeployed},
        summary="Deploy what is saved",
        reads=(bodies.JSON,),
        optional=True,
        refusals=(404,),
    ),
)
def deploy(
    request: Request,
    environment: str,
    waiting: Query[schemas.Waiting],
    given: schemas.NewRelease = schemas.NewRelease(),  # noqa: B008 - a value that never changes
) -> HttpResponse:
    """201 with the release it made; 200 with the newest when nothing changed, and delivery is tried again."""
    made = releases.deploy(request.auth, environment, note=given.note)
    release = made.release
    return deployed(
        release_json(release),
        [release],
        waiting.wait,
        status=201 if made.created else 200,
        etag=f'"{release.digest}"',
        location=address("environments", release.environment.name, "releases", release.number),
    )


@router.get(
    "/environments/{segment:environment}/releases/{number:number}",
    **operation("releases.read", {200: schemas.Release}, summary="Read a release", refusals=(404,)),
)
def read(request: Request, environment: str, number: int) -> HttpResponse:
    """The release, and what each gateway's nodes said of it."""
    release = releases.get(request.auth, environment, number)
    return shown(release_json(release), etag=f'"{release.digest}"')
