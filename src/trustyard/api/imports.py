"""Many certificates at once over REST: stored in one transaction, with progress for whoever asks for JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.http.response import HttpResponseBase
from ninja import Query, Router
from pydantic import ValidationError

from trustyard.actions.imports import Given, Import
from trustyard.actions.waiting import Own
from trustyard.pki.names import listed

from . import bodies
from .answers import LINES, Final, deployed, last, streamed
from .operations import Request, operation
from .problems import on_error, refused
from .schemas.deployments import Waiting, confirmed
from .schemas.imports import IMPORT_FORMS, ImportDone, NewImport, done, of_file

router = Router(tags=["Certificates"])
MAX_BODY = 64_000_000  # 64 MB
_STEPS = 100  # lines of progress at most: few enough for a client that does not read them to hold up nothing


@router.post(
    "/certificates/import",
    **operation(
        "certificates.write",
        {200: ImportDone},
        summary="Store many certificates at once",
        reads=(bodies.JSON, bodies.MULTIPART),
        most=MAX_BODY,
        forms=IMPORT_FORMS,
        lines=True,
        deploys=True,
    ),
)
def store(request: Request, waiting: Query[Waiting]) -> HttpResponseBase:
    """Files as parts `file` of a multipart form, or files and certificates as JSON: up to 20,000 and 64 MB.

    What cannot be taken is left out and named, all the rest is stored in one transaction. With
    `Accept: application/x-ndjson` the answer is JSON lines: `{"read", "of"}` while certificates are read, `{"storing"}`
    before they are stored, and at last the answer itself, or a problem when the import as a whole is refused.
    """
    environments, given, password, deploying = _given(request)
    running = Import(request.auth, environments, given, password)
    if LINES in request.headers.get("Accept", ""):
        return streamed(_lines(request, running, deploying, waiting.wait))
    for _ in running.read():
        pass
    imported = running.store(**deploying)
    return deployed(done(imported), imported.releases, waiting.wait, own=Own(imported.names))


def _given(request: Request) -> tuple[list[str], list[Given], str | None, dict[str, Any]]:
    """Where to, what, its password, and the keyword arguments that say whether to deploy."""
    if request.content_type == bodies.MULTIPART:
        form = bodies.Form.of(request, "environments", "password", "deploy", "confirm_restored")
        environments = [name for text in form.texts["environments"] for name in listed(text)]
        files = [of_file(name, data, number) for number, (name, data) in enumerate(form.files, 1)]
        deploying = {"deploy": form.flag("deploy"), "confirm_restored": _confirmed(form)}
        return environments, files, form.one("password"), deploying
    try:
        new = NewImport.model_validate(bodies.read_json(request.body))
    except ValidationError as error:
        raise refused({**one, "loc": ("import", *one["loc"])} for one in error.errors(include_url=False)) from None
    deploying = {"deploy": new.deploy, "confirm_restored": new.confirm_restored}
    return new.environments, new.read(), new.password, deploying


def _confirmed(form: bodies.Form) -> bool | str:
    try:
        return confirmed(form.one("confirm_restored") or "")
    except ValueError as error:
        raise bodies.refused("confirm_restored", str(error)) from None


def _lines(
    request: Request, running: Import, deploying: dict[str, Any], wait: float
) -> Iterator[dict[str, Any] | Final]:
    try:
        step = max(1, running.total // _STEPS)
        for number in running.read():
            if number % step == 0 or number == running.total:
                yield {"read": number, "of": running.total}
        yield {"storing": running.readable}
        # Nothing is sent within the transaction, so that a slow or vanished reader holds no lock.
        imported = running.store(**deploying)
        yield last(done(imported), imported.releases, wait, Own(imported.names))
    except Exception as error:  # noqa: BLE001 - the status is sent already: the problem is the last line
        yield Final(json.loads(on_error(request, error).content))
