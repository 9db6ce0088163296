"""Releases over REST: what was deployed and Deploy itself; compare, restore and download them; promote."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Query, Router

from trustyard.actions import differences, preflight, promotion, releases, restoring
from trustyard.actions.releases import Deployed, release_json, releases_json

from . import bodies
from .answers import deployed, download, shown
from .headers import described
from .operations import Request, operation
from .paging import Paging, page_at_once
from .paths import address
from .schemas import deployments as schemas
from .schemas import releases as more
from .schemas.previews import ReleasePreview
from .schemas.problems import PromotionProblem

router = Router(tags=["Releases"])


@router.get(
    "/environments/{segment:environment}/releases",
    **operation("releases.read", {200: schemas.Releases}, summary="List releases", refusals=(404, 422)),
)
def listing(
    request: Request, environment: str, filters: Query[more.ReleaseFilters], paging: Query[Paging]
) -> HttpResponse:
    """The releases of an environment, newest first; with `at` the one that was in force then, if there was one."""
    actor = request.auth
    rows = releases.find_at(actor, environment, filters.at) if filters.at else releases.find(actor, environment)
    return shown(page_at_once(request.path, rows.defer("content"), paging, releases_json))


@router.post(
    "/environments/{segment:environment}/releases",
    **operation(
        "releases.deploy",
        {200: schemas.ReleaseDeployed, 201: schemas.ReleaseDeployed},
        summary="Deploy what is saved",
        reads=(bodies.JSON,),
        optional=True,
        refusals=(404,),
        deploys=True,
        headers=described("ETag", "Location"),
    ),
)
def deploy(
    request: Request,
    environment: str,
    waiting: Query[schemas.Waiting],
    given: schemas.NewRelease = schemas.NewRelease(),  # noqa: B008 - a value that never changes
) -> HttpResponse:
    """201 with the release it made; 200 with the newest when nothing changed, and delivery is tried again."""
    made = releases.deploy(request.auth, environment, note=given.note, confirm_restored=given.confirm_restored)
    return _deployed(made, waiting.wait)


def _deployed(made: Deployed, wait: float) -> HttpResponse:
    release = made.release
    return deployed(
        release_json(release),
        [release],
        wait,
        status=201 if made.created else 200,
        etag=f'"{release.digest}"',
        location=address("environments", release.environment.name, "releases", release.number),
    )


@router.post(
    "/environments/{segment:environment}/releases/preview",
    **operation("releases.read", {200: ReleasePreview}, summary="Preview the next release", refusals=(404,)),
)
def preview(request: Request, environment: str) -> HttpResponse:
    """What it would change and leave out, and what each gateway would make of it; nothing is written or sent."""
    return shown(preflight.preview(request.auth, environment).json())


@router.get(
    "/environments/{segment:environment}/releases/{number:number}",
    **operation("releases.read", {200: schemas.Release}, summary="Read a release", refusals=(404,)),
)
def read(request: Request, environment: str, number: int) -> HttpResponse:
    """The release, and what each gateway's nodes said of it."""
    release = releases.get(request.auth, environment, number)
    return shown(release_json(release), etag=f'"{release.digest}"')


@router.get(
    "/environments/{segment:environment}/releases/{number:number}/diff",
    **operation("releases.read", {200: more.Compared}, summary="Compare a release", refusals=(404, 422)),
)
def diff(request: Request, environment: str, number: int, query: Query[more.Comparison]) -> HttpResponse:
    """What it changed against the one before it or another one; against `saved`, what the next one would change."""
    return shown(differences.compare(request.auth, environment, number, query.against).json())


@router.get(
    "/environments/{segment:environment}/releases/{number:number}/download",
    **operation(
        "releases.read",
        {200: None},
        summary="Download a release as a folder",
        refusals=(404,),
        files=("application/zip",),
        headers=described("Content-Disposition"),
    ),
)
def folder(request: Request, environment: str, number: int) -> HttpResponse:
    """The files that a gateway of kind `files` is given, and `SHA256SUMS`, in a ZIP archive."""
    return download(differences.download(request.auth, environment, number))


@router.post(
    "/environments/{segment:environment}/releases/{number:number}/restore",
    **operation(
        "releases.deploy",
        {200: schemas.ReleaseDeployed | more.ReleaseRestoration, 201: schemas.ReleaseDeployed},
        summary="Restore a release",
        reads=(bodies.JSON,),
        optional=True,
        refusals=(404, 409),
        headers=described("ETag", "Location", always=False),
    ),
)
def restore(
    request: Request,
    environment: str,
    number: int,
    waiting: Query[schemas.Waiting],
    given: more.RestoreRelease = more.RestoreRelease(),  # noqa: B008 - a value that never changes
) -> HttpResponse:
    """201 with a new release of the old content, without what may not come back; 200 when the newest holds just that.

    With `preview` nothing is written: 200 with what would be done.
    """
    if given.preview:
        return shown(restoring.preview(request.auth, environment, number).json())
    made = restoring.restore(request.auth, environment, number, note=given.note, version=given.version)
    return _deployed(made, waiting.wait)


@router.post(
    "/environments/{segment:environment}/promote",
    **operation(
        "certificates.write",
        {200: more.Promotion},
        summary="Promote certificates of another environment",
        reads=(bodies.JSON,),
        refusals=(404,),
        deploys=True,
        conflict=PromotionProblem,
    ),
)
def promote(request: Request, environment: str, given: more.Promote, waiting: Query[schemas.Waiting]) -> HttpResponse:
    """Takes the entries of another environment into this one, in one transaction; with `preview` only shows it."""
    if given.preview:
        return shown(promotion.preview(request.auth, environment, **given.arguments()).json())
    done = promotion.promote(
        request.auth,
        environment,
        **given.arguments(),
        version=given.version,
        deploy=given.deploy,
        note=given.note,
        confirm_restored=given.confirm_restored,
    )
    return deployed(done.json(), done.releases, waiting.wait)
