"""The truststore of an environment over REST."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Query, Router

from trustyard.actions import truststores

from .answers import download, shown
from .headers import described
from .operations import Request, operation
from .paging import Paging, page_of_list
from .schemas import truststores as schemas

router = Router(tags=["Truststore"])


@router.get(
    "/environments/{segment:environment}/truststore",
    **operation("truststore.read", {200: schemas.Rows}, summary="List the truststore", refusals=(404, 422)),
)
def listing(
    request: Request, environment: str, filters: Query[schemas.RowFilters], paging: Query[Paging]
) -> HttpResponse:
    """Rows of the newest release, and saved rows that no release holds yet; and what gateways said of that release."""
    rows = truststores.rows(
        request.auth, environment, **{name: value or "" for name, value in filters.model_dump().items()}
    )
    page = page_of_list(request.path, rows, rows.aliases, paging)
    return shown({**page, "release": truststores.standing(request.auth, environment)})


@router.get(
    "/environments/{segment:environment}/truststore/export",
    **operation(
        "truststore.read",
        {200: None},
        summary="Export the truststore in force",
        refusals=(404, 422),
        files=(
            "application/x-pem-file",
            "application/zip",
            "application/x-pkcs7-certificates",
            "application/x-pkcs12",
            "application/x-java-keystore",
        ),
        headers=described("Content-Disposition"),
    ),
)
def export(request: Request, environment: str, query: Query[schemas.TruststoreExport]) -> HttpResponse:
    """The newest release's truststore as a file; never an empty one."""
    file = truststores.export(
        request.auth, environment, format=query.format, include=query.include, password=query.password
    )
    return download(file)
