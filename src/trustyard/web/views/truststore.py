"""The tab Truststore: what an environment trusts, where each row comes from, what waits (S-40)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from trustyard import models
from trustyard.actions import delivery, environments, truststores
from trustyard.actions.certificates_read import STATUSES, numbers
from trustyard.actions.progress import objections, taken_by
from trustyard.actions.truststore_rows import Rows
from trustyard.pki.findings import PASSING
from trustyard.web.downloads import download
from trustyard.web.page import actor_of, is_fragment, page

PER_PAGE = 50


@page("GET")
def index(request: HttpRequest) -> HttpResponse:
    """The rows of one environment, entries first."""
    actor = actor_of(request)
    given = request.GET
    places = list(environments.find(actor))
    place = environments.asked_or_first(actor, places, given.get("environment", ""))
    rows: Rows | None = None
    if place is not None:
        rows = truststores.rows(
            actor, place.name, q=given.get("q", ""), origin=given.get("origin", ""), status=given.get("status", "")
        )
    shown = Paginator(rows or [], PER_PAGE).get_page(given.get("page"))
    context: dict[str, Any] = {
        "standing": _standing(place) if place else None,
        "page": shown,
        "rows": _rows(shown.object_list),
        "place": place,
        "waiting": rows.waiting if rows else 0,
        "filtered": any(given.get(name) for name in ("q", "origin", "status")),
    }
    if is_fragment(request):
        return render(request, "truststore/_list.html", context)
    context |= {"environments": places, "statuses": STATUSES}
    return render(request, "truststore/list.html", context)


def _standing(place: models.Environment) -> dict[str, Any] | None:
    """What gateways make of the release that holds the rows in force."""
    found = delivery.in_force(place)
    if found is None:
        return None
    release, said = found
    return {"release": release, "taken": taken_by(said), "objections": objections(said)}


def _rows(listed: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each as the list shows it, with the number of the certificate that it is an entry of."""
    rows = list(listed)
    there = numbers(row["certificate"] for row in rows if row["certificate"])
    return [{**_dated(row), "of": there.get(row["certificate"])} for row in rows]


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    dates = {name: datetime.fromisoformat(row[name]) for name in ("not_before", "not_after")}
    # What passes with time stands there as a status already.
    lasting = [one for one in row["findings"] if one["severity"] != "notice" and one["code"] not in PASSING]
    mark = {"mark": lasting[0]["severity"], "marked": lasting[0]["message"]} if lasting else {}
    return {**row, **dates, **mark}


@page("GET")
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """The truststore in force as a file."""
    actor = actor_of(request)
    place = environments.get_by_id(actor, pk)
    given = request.GET
    return download(
        truststores.export(
            actor,
            place.name,
            format=given.get("format", "pem"),
            include=given.get("include", "all"),
            password=given.get("password") or "changeit",
        )
    )
