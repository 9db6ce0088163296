"""JWKs over REST."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from ninja import Query, Router

from trustyard.actions import jwks
from trustyard.actions.jwks import jwk_json
from trustyard.actions.waiting import Own

from . import bodies
from .answers import deployed, shown
from .operations import Request, operation
from .paging import Paging, page
from .paths import address
from .schemas import jwks as schemas
from .schemas.deployments import Waiting

router = Router(tags=["JWKs"])


@router.get("/jwks", **operation("jwks.read", {200: schemas.Jwks}, summary="List JWKs", refusals=(422,)))
def listing(request: Request, filters: Query[schemas.JwkFilters], paging: Query[Paging]) -> HttpResponse:
    """JWKs that fit every filter."""
    rows = jwks.find(
        request.auth,
        q=filters.q,
        environment=filters.environment,
        state=filters.state or "",
        connected=filters.connected,
    )
    return shown(page(request.path, rows, paging, jwk_json))


@router.post(
    "/jwks",
    **operation("jwks.write", {201: schemas.JwkMade}, summary="Make a JWK", reads=(bodies.JSON,), deploys=True),
)
def create(request: Request, given: schemas.NewJwk, waiting: Query[Waiting]) -> HttpResponse:
    """From an entry's certificate, and connected to it; or from a public JWK given by hand."""
    saved = jwks.create(
        request.auth,
        name=given.name,
        description=given.description,
        source=given.source.read(),
        use=given.use,
        kid=given.kid,
        deploy=given.deploy,
        confirm_restored=given.confirm_restored,
        **_said(given, "alg"),
    )
    row = saved.jwk
    answer = {**jwk_json(row), "notices": [notice.json() for notice in saved.notices]}
    there, own = address("jwks", row.name), Own(jwks=[row.name])
    return deployed(answer, saved.releases, waiting.wait, status=201, etag=row.etag, location=there, own=own)


@router.get(
    "/jwks/{segment:name}",
    **operation("jwks.read", {200: schemas.Jwk}, summary="Read a JWK", refusals=(404,)),
)
def read(request: Request, name: str) -> HttpResponse:
    """The JWK, and the entry that it is connected to."""
    row = jwks.get(request.auth, name)
    return shown(jwk_json(row), etag=row.etag)


@router.patch(
    "/jwks/{segment:name}",
    **operation(
        "jwks.write",
        {200: schemas.JwkSaved},
        summary="Change a JWK",
        changes=jwks.get,
        reads=(bodies.JSON,),
        deploys=True,
    ),
)
def edit(request: Request, name: str, given: schemas.JwkEdit, waiting: Query[Waiting]) -> HttpResponse:
    """Renames, restates or disables it; the key itself never changes here."""
    saved = jwks.update(
        request.auth,
        name,
        if_match=request.headers.get("If-Match"),
        new_name=given.name,
        description=given.description,
        state=given.state,
        deploy=given.deploy,
        confirm_restored=given.confirm_restored,
        **_said(given, "use", "alg", "kid"),
    )
    own = Own(jwks=[name, saved.jwk.name])
    return deployed(jwk_json(saved.jwk), saved.releases, waiting.wait, etag=saved.jwk.etag, own=own)


@router.delete(
    "/jwks/{segment:name}",
    **operation(
        "jwks.write", {200: schemas.JwkDeleted}, summary="Delete a JWK", changes=jwks.get, refusals=(422,), deploys=True
    ),
)
def delete(request: Request, name: str, query: Query[schemas.JwkDeletion], waiting: Query[Waiting]) -> HttpResponse:
    """Takes it out of the published sets by a release of each of its environments, unless `deploy=false`."""
    saved = jwks.delete(
        request.auth,
        name,
        if_match=request.headers.get("If-Match"),
        deploy=query.deploy,
        confirm_restored=query.confirm_restored,
    )
    return deployed({}, saved.releases, waiting.wait, own=Own(jwks=[saved.jwk.name]))


def _said(given: schemas.NewJwk | schemas.JwkEdit, *names: str) -> dict[str, Any]:
    """Those of these members that were sent: null is a word of its own here."""
    return {name: getattr(given, name) for name in names if name in given.model_fields_set}
