"""Certificates: the list, one certificate's page, and its export."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from trustyard import models
from trustyard.actions import certificates, environments, findings, omissions, releases
from trustyard.actions import lint as linting
from trustyard.actions.actors import Actor
from trustyard.actions.certificates_read import STATUSES, bring_entries, entry_status, fitting, in_order, is_in_force
from trustyard.actions.export import export as exported
from trustyard.actions.in_force import Newest
from trustyard.actions.progress import taken
from trustyard.errors import Unavailable
from trustyard.pki.content import Why
from trustyard.pki.readable import content
from trustyard.web.downloads import download
from trustyard.web.page import actor_of, is_fragment, page
from trustyard.web.pages import Pages

from . import chains
from .releases import of_address

PER_PAGE = 50
_SORTS = {
    "name": "Name, A first",
    "-name": "Name, Z first",
    "valid_until": "Valid until, soonest first",
    "-valid_until": "Valid until, latest first",
    "-changed": "Changed, latest first",
    "changed": "Changed, earliest first",
}
_SHOWN = 10  # environments of a row, or entries of a page: the rest of more is folded
_WORST = ("revoked", "expired", "not yet valid", "expiring", "valid")


@dataclass(frozen=True)
class Place:
    """An entry in the list: its environment, its status, and whether the newest release holds it (D-21)."""

    environment: str
    status: str
    in_force: bool
    why_left_out: str  # in a word or two, where no release would take it as it is now

    @property
    def waits(self) -> bool:
        """Whether the next release changes what is in force of it."""
        return self.in_force == bool(self.why_left_out)


@dataclass(frozen=True)
class Row:
    """A certificate in the list; valid until the first of its entries is not."""

    certificate: models.Certificate
    places: list[Place]
    valid_until: datetime | None
    statuses: list[str]
    mark: str | None  # error or warning: what is found with one of its certificates, whatever the moment

    @property
    def environments(self) -> list[str]:
        """All that it is in, by name."""
        return [place.environment for place in self.places]

    @property
    def shown(self) -> list[Place]:
        """Those that are seen at once."""
        return self.places[:_SHOWN]

    @property
    def folded(self) -> list[Place]:
        """The rest."""
        return self.places[_SHOWN:]

    @property
    def waiting(self) -> int:
        """How many of the rest the next release changes."""
        return sum(place.waits for place in self.folded)


@page("GET")
def home(request: HttpRequest) -> HttpResponse:
    """The console begins with the certificates."""
    return redirect("certificates")


@page("GET")
def index(request: HttpRequest) -> HttpResponse:
    """The list. Its number of queries does not depend on how many rows it shows."""
    actor = actor_of(request)
    given = request.GET
    days, problem = _days(given.get("expires_within", "").strip())
    fits = fitting(
        actor,
        q=given.get("q", ""),
        environment=given.get("environment", ""),
        status=given.get("status", ""),
        expires_within=days,
    )
    rows = in_order(fits.rows, given.get("sort") or "name")
    shown = Pages(rows, PER_PAGE, fits.counted).get_page(given.get("page"))
    listed = list(shown.object_list)
    bring_entries(listed)
    now, newest = timezone.now(), releases.latest_of_all()
    left_out = omissions.of_entries([entry for one in listed for entry in one.known_entries], now)
    filtered = any(given.get(name) for name in ("q", "environment", "status", "expires_within"))
    context = {
        "page": shown,
        "rows": [_row(certificate, now, newest, left_out) for certificate in listed],
        "filtered": filtered,
        "problem": problem,
        "statuses": STATUSES,
        "sort": given.get("sort") or "name",
        "sorts": _SORTS.items(),
    }
    if is_fragment(request):
        return render(request, "certificates/_list.html", context)
    context |= {"environments": environments.find(actor), "deployment": of_address(request)}
    return render(request, "certificates/list.html", context)


def _days(given: str) -> tuple[int | None, str]:
    """The number of the filter, or why it filters nothing."""
    if not given:
        return None, ""
    if given.isascii() and given.isdigit() and len(given) < 7:
        return int(given), ""
    return None, "Expires in (days) takes a whole number of days, from 0 to 999999."


def _row(certificate: models.Certificate, now: datetime, newest: dict[int, Newest], left_out: dict[int, Why]) -> Row:
    entries = certificate.known_entries
    places = [_place(entry, now, newest, left_out.get(entry.pk)) for entry in entries]
    present = {place.status for place in places}
    until = min((entry.x509.not_after for entry in entries), default=None)
    mark = findings.mark(entry.x509 for entry in entries)
    return Row(certificate, places, until, [status for status in _WORST if status in present], mark)


def _place(entry: models.Entry, now: datetime, newest: dict[int, Newest], why: Why | None) -> Place:
    status, in_force = entry_status(entry, now), is_in_force(entry, newest)
    return Place(entry.environment.name, status, in_force, why.word if why else "")


@page("GET")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """A certificate's page: what it is in each environment, its JWKs, and how its last deployment went.

    Of many entries the one that `entry` names is shown, else the first; the others when they are opened.
    """
    actor = actor_of(request)
    certificate = certificates.get_by_id(actor, pk)
    now, newest = timezone.now(), releases.latest_of_all()
    rows = list(_entries(certificate).order_by("environment__name_key"))
    own = [newest[row.environment_id].id for row in rows if row.environment_id in newest]
    # The table before the badges: it asks for them again when it moves, so they may be newer than it and never older.
    deployment = of_address(request, own)
    took = dict(deployment.taken) if deployment else {}
    took |= taken(set(own) - took.keys())
    folded = len(rows) > _SHOWN
    named = [row for row in rows if str(row.pk) == request.GET.get("entry")]
    left_out = omissions.of_entries(rows, now)
    about = _about(actor, (named or rows[:1]) if folded else rows, now)
    entries = [
        {
            "entry": entry,
            "taken": took[newest[entry.environment_id].id] if entry.environment_id in newest else "",
            "place": _place(entry, now, newest, left_out.get(entry.pk)),
            "about": about.get(entry.pk),
        }
        for entry in rows
    ]
    context = {"certificate": certificate, "entries": entries, "deployment": deployment, "folded": folded}
    context["environments"] = [row.environment for row in rows]
    return render(request, "certificates/show.html", context)


@page("GET")
def entry(request: HttpRequest, pk: int, environment: int) -> HttpResponse:
    """What a page of many entries says of one of them when it is opened."""
    actor = actor_of(request)
    certificate = certificates.get_by_id(actor, pk)
    row = get_object_or_404(_entries(certificate), environment=environment)
    about = _about(actor, [row], timezone.now())[row.pk]
    return render(request, "certificates/_entry.html", {"certificate": certificate, "entry": row, "about": about})


def _entries(certificate: models.Certificate) -> QuerySet[models.Entry]:
    return certificate.entries.select_related("x509", "environment").prefetch_related("jwks")


def _about(actor: Actor, rows: list[models.Entry], now: datetime) -> dict[int, dict[str, Any]]:
    beside = findings.beside(rows)
    return {
        row.pk: {
            "facts": row.x509.read().facts,
            "content": content(row.x509.read()),
            "findings": findings.of_entry(row, now, beside),
            "chain": chain,
        }
        for row, chain in zip(rows, chains.shown(actor, rows, now), strict=True)
    }


@page("GET")
def lint(request: HttpRequest, pk: int, environment: int) -> HttpResponse:
    """What the linter says of one entry, or why it says nothing, as a part of the page."""
    actor = actor_of(request)
    certificate = certificates.get_by_id(actor, pk)
    place = environments.get_by_id(actor, environment)
    context: dict[str, Any]
    try:
        context = {"report": linting.lint(actor, certificate.name, place.name)}
    except Unavailable as error:
        context = {"error": error}
    return render(request, "certificates/_lint.html", context)


@page("GET")
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """The export as a download: ZIP unless another format is asked for (S-39)."""
    actor = actor_of(request)
    certificate = certificates.get_by_id(actor, pk)
    environment = request.GET.get("environment") or None
    return download(exported(actor, certificate.name, format=request.GET.get("format", "zip"), environment=environment))
