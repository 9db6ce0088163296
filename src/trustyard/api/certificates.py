"""Certificates over REST: look at a source, store, change, revoke, delete, export."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import TypeAdapter, ValidationError

from trustyard.actions import certificates, sources
from trustyard.actions import export as exporting
from trustyard.actions import lint as linting
from trustyard.actions.certificates import Saved, certificate_json, certificates_json
from trustyard.actions.certificates_read import fitting, in_order
from trustyard.actions.waiting import Own
from trustyard.errors import FieldError, Refused

from . import bodies
from .answers import deployed, download, shown
from .headers import described
from .operations import Request, operation
from .paging import Paging, page_at_once
from .paths import address
from .problems import refused
from .schemas import certificates as schemas
from .schemas.deployments import Waiting
from .schemas.problems import JwkConnectionProblem
from .schemas.sources import INSPECT_FORMS, Inspection, Source

router = Router(tags=["Certificates"])
_SOURCE: TypeAdapter[Any] = TypeAdapter(Source)


@router.post(
    "/certificates/inspect",
    **operation(
        "certificates.inspect",
        {200: Inspection},
        summary="Look at a source and store nothing",
        reads=(bodies.JSON, bodies.MULTIPART),
        forms=INSPECT_FORMS,
    ),
)
def inspect(request: Request) -> HttpResponse:
    """A file as the part `file` of a multipart form, with an optional `password`; or any *source* as JSON."""
    if request.content_type == bodies.MULTIPART:
        source: sources.Source = sources.FileGiven(*bodies.uploaded(request))
    else:
        try:
            given = _SOURCE.validate_python(bodies.read_json(request.body))
        except ValidationError as error:
            # The kind stands before the field; what is left is the body's own member.
            errors = error.errors(include_url=False)
            raise refused({**one, "loc": ("source", *one["loc"][1:])} for one in errors) from None
        source = given.read("")
    return shown(sources.look_at(request.auth, source).json())


@router.get(
    "/certificates",
    **operation("certificates.read", {200: schemas.Certificates}, summary="List certificates", refusals=(422,)),
)
def listing(request: Request, filters: Query[schemas.CertificateFilters], paging: Query[Paging]) -> HttpResponse:
    """Certificates with an entry that fits every filter."""
    now = timezone.now()
    given = filters.arguments()
    sort = given.pop("sort")
    fits = fitting(request.auth, **given)
    rows = in_order(fits.rows, sort)
    return shown(
        page_at_once(request.path, rows, paging, lambda found: certificates_json(found, now), fitting=fits.counted)
    )


@router.post(
    "/certificates",
    **operation(
        "certificates.write",
        {201: schemas.CertificateSaved},
        summary="Store a certificate",
        reads=(bodies.JSON,),
        deploys=True,
    ),
)
def create(request: Request, given: schemas.NewCertificate, waiting: Query[Waiting]) -> HttpResponse:
    """Every source is read and judged first; then all entries are stored, or none."""
    saved = certificates.create(
        request.auth, [given.read()], deploy=given.deploy, confirm_restored=given.confirm_restored
    )
    return _saved(saved, waiting.wait, status=201, location=address("certificates", saved.certificate.name))


@router.get(
    "/certificates/{segment:name}",
    **operation("certificates.read", {200: schemas.Certificate}, summary="Read a certificate", refusals=(404,)),
)
def read(request: Request, name: str) -> HttpResponse:
    """The certificate and what it is in each environment."""
    row = certificates.get(request.auth, name)
    return shown(certificate_json(row), etag=row.etag)


@router.put(
    "/certificates/{segment:name}",
    **operation(
        "certificates.write",
        {200: schemas.CertificateSaved},
        summary="Give a certificate all its entries",
        changes=certificates.get,
        reads=(bodies.JSON,),
        conflict=JwkConnectionProblem,
    ),
)
def replace(request: Request, name: str, given: schemas.WholeCertificate, waiting: Query[Waiting]) -> HttpResponse:
    """Entries are matched by environment; one that is left out is removed."""
    return _change(request, name, given, waiting.wait, whole=True)


@router.patch(
    "/certificates/{segment:name}",
    **operation(
        "certificates.write",
        {200: schemas.CertificateSaved},
        summary="Change what is given of a certificate",
        changes=certificates.get,
        reads=(bodies.JSON,),
        conflict=JwkConnectionProblem,
    ),
)
def edit(request: Request, name: str, given: schemas.CertificateChange, waiting: Query[Waiting]) -> HttpResponse:
    """Entries are matched by environment; those that are left out stay."""
    return _change(request, name, given, waiting.wait, whole=False)


def _change(request: Request, name: str, given: schemas.CertificateChange, wait: float, *, whole: bool) -> HttpResponse:
    saved = certificates.update(
        request.auth,
        name,
        if_match=request.headers.get("If-Match"),
        new_name=given.name,
        description=given.description,
        entries=None if given.entries is None else schemas.entries(given.entries),
        replace=whole,
        answer=given.jwk_connection.read() if given.jwk_connection else None,
        deploy=given.deploy,
        confirm_restored=given.confirm_restored,
    )
    return _saved(saved, wait, was=name)


@router.delete(
    "/certificates/{segment:name}",
    **operation(
        "certificates.delete",
        {200: schemas.CertificateDeleted},
        summary="Delete a certificate",
        changes=certificates.get,
        refusals=(422,),
        conflict=JwkConnectionProblem,
    ),
)
def delete(request: Request, name: str, query: Query[schemas.Deletion], waiting: Query[Waiting]) -> HttpResponse:
    """Makes a release for every environment that it is in, or left without one, unless `deploy=false`."""
    try:
        saved = certificates.delete(
            request.auth,
            name,
            if_match=request.headers.get("If-Match"),
            answer=query.read(),
            deploy=query.deploy,
            confirm_restored=query.confirm_restored,
        )
    except Refused as error:  # here the answer's parts stand in the address
        error.fields = [FieldError(at.field.removeprefix("jwk_connection."), at.message) for at in error.fields]
        raise
    return deployed({"jwks": _jwks(saved)}, saved.releases, waiting.wait, own=_own(saved))


@router.post(
    "/certificates/{segment:name}/entries/{segment:environment}/revoke",
    **operation(
        "entries.revoke",
        {200: schemas.CertificateSaved},
        summary="Revoke an entry",
        reads=(bodies.JSON,),
        refusals=(404,),
        deploys=True,
        headers=described("ETag"),
    ),
)
def revoke(
    request: Request, name: str, environment: str, given: schemas.Revocation, waiting: Query[Waiting]
) -> HttpResponse:
    """Takes an entry out of trust and its JWKs out of the published set: inside Trustyard, not at the issuer."""
    saved = certificates.revoke(
        request.auth,
        name,
        environment,
        reason=given.reason,
        deploy=given.deploy,
        confirm_restored=given.confirm_restored,
    )
    return _saved(saved, waiting.wait)


@router.post(
    "/certificates/{segment:name}/entries/{segment:environment}/restore",
    **operation(
        "entries.revoke",
        {200: schemas.CertificateSaved},
        summary="Restore a revoked entry",
        reads=(bodies.JSON,),
        optional=True,
        refusals=(404,),
        deploys=True,
        headers=described("ETag"),
    ),
)
def restore(
    request: Request,
    name: str,
    environment: str,
    waiting: Query[Waiting],
    given: schemas.Restoration = schemas.Restoration(),  # noqa: B008 - a value that never changes
) -> HttpResponse:
    """Undoes a revocation."""
    saved = certificates.restore(
        request.auth,
        name,
        environment,
        reason=given.reason,
        deploy=given.deploy,
        confirm_restored=given.confirm_restored,
    )
    return _saved(saved, waiting.wait)


@router.get(
    "/certificates/{segment:name}/entries/{segment:environment}/lint",
    **operation("certificates.read", {200: schemas.Lint}, summary="Lint the certificate of an entry", refusals=(404,)),
)
def lint(request: Request, name: str, environment: str) -> HttpResponse:
    """pkilint's findings, made on demand in a worker process and kept by the certificate's SHA-256."""
    return shown(linting.lint(request.auth, name, environment))


@router.get(
    "/certificates/{segment:name}/export",
    **operation(
        "certificates.export",
        {200: None},
        summary="Export a certificate",
        refusals=(404, 422),
        files=(
            "application/zip",
            "application/x-pem-file",
            "application/pkix-cert",
            "application/x-pkcs7-certificates",
        ),
        headers=described("Content-Disposition"),
    ),
)
def export(request: Request, name: str, query: Query[schemas.CertificateExport]) -> HttpResponse:
    """A file from which the same certificates come back, byte for byte."""
    return download(exporting.export(request.auth, name, format=query.format, environment=query.environment))


def _saved(saved: Saved, wait: float, *, status: int = 200, location: str = "", was: str = "") -> HttpResponse:
    around = saved.around() if saved.around else None
    value = {**certificate_json(saved.certificate, around), "jwks": _jwks(saved)}
    value["notices"] = [notice.json() for notice in saved.notices]
    etag, own = saved.certificate.etag, _own(saved, was)
    return deployed(value, saved.releases, wait, status=status, etag=etag, location=location, own=own)


def _own(saved: Saved, *before: str) -> Own:
    return Own([*before, *(one.name for one in saved.certificates)], [change.name for change in saved.jwks])


def _jwks(saved: Saved) -> list[dict[str, Any]]:
    return [vars(change) for change in saved.jwks]
