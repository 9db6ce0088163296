"""Certificates as they are read: found, filtered, sorted, and shown as the *Certificate* of the REST API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from django.db.models import Exists, F, FilteredRelation, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from trustyard import models
from trustyard.errors import FieldError, Refused
from trustyard.pki.certificates import rfc3339, status
from trustyard.pki.content import Why
from trustyard.pki.findings import Finding
from trustyard.pki.names import fold

from . import alike, findings, found, in_force, omissions, releases, searching
from .actors import Actor
from .alike import Alike
from .in_force import Newest
from .narrowing import Fitting, everything, having
from .permissions import require

Row = TypeVar("Row", bound=Model)
STATUSES = ("valid", "not yet valid", "expiring", "expired", "revoked")
SORTS = ("name", "-name", "valid_until", "-valid_until", "changed", "-changed")


def get(actor: Actor, name: str) -> models.Certificate:
    """The certificate of this name. Raises `NotFound`."""
    require(actor, "certificates.read")
    return found.by_name(models.Certificate.objects.all(), name, "certificate")


def get_by_id(actor: Actor, pk: int) -> models.Certificate:
    """The certificate of this number. Raises `NotFound`."""
    require(actor, "certificates.read")
    return found.by_id(models.Certificate.objects.all(), pk, "certificate")


def numbers(names: Iterable[str]) -> dict[str, int]:
    """By their names the numbers of the certificates that are there, with one query: a release may name others."""
    asked = {fold(name): name for name in names}
    rows = models.Certificate.objects.filter(name_key__in=list(asked)).order_by().values_list("name_key", "pk")
    return {asked[key]: pk for key, pk in rows}


def fitting(
    actor: Actor,
    *,
    q: str = "",
    environment: str = "",
    status: str = "",
    expires_within: int | None = None,
    connected_jwks: bool | None = None,
) -> Fitting:
    """Certificates with an entry that fits every filter, in no order, and what of them is counted.

    `q` searches name, description, alias, subject, issuer, serial, fingerprints and SANs; `expires_within` is in days.
    Raises `Refused` for an unknown status or environment, and for a `q` of more than 1,000 characters.
    """
    require(actor, "certificates.read")
    place = found.environment(environment) if environment else None
    text = found.sought(q)
    fits = searching.matching(text, place) if text else everything()
    entries = models.Entry.objects.order_by()
    there = wanted = entries.filter(environment=place) if place else entries
    if status:
        wanted = wanted.filter(_of_status(status))
    if expires_within is not None:
        now = timezone.now()
        wanted = wanted.filter(x509__not_after__gte=now, x509__not_after__lte=_later(now, expires_within))
    if wanted.query.where:
        fits = having(fits, wanted if place else wanted.order_by(*_met_first(status, expires_within)))
    connected = there.filter(jwks__isnull=False)
    if connected_jwks is False:
        rows = fits.rows.exclude(pk__in=connected.values("certificate_id"))
        return Fitting(rows, rows, fits.few)
    return having(fits, connected) if connected_jwks else fits


def _later(now: datetime, days: int) -> datetime:
    return now + timedelta(days=max(0, min(days, 1_000_000)))


_INDEX = {"valid": "expiring_from", "not yet valid": "not_before", "expiring": "not_after", "expired": "not_after"}


def _met_first(status: str, expires_within: int | None) -> list[str]:
    """The order of the index along which entries that fit stand together; with two filters the planner chooses."""
    if status and expires_within is not None:
        return []
    if status == "revoked":
        return ["certificate_id"]
    return [f"x509__{_INDEX.get(status, 'not_after')}"]


def _of_status(wanted: str) -> Q:
    now = timezone.now()
    alive = Q(revoked_at__isnull=True)
    match wanted:
        case "revoked":
            return Q(revoked_at__isnull=False)
        case "not yet valid":
            return alive & Q(x509__not_before__gt=now)
        case "expired":
            return alive & Q(x509__not_before__lte=now, x509__not_after__lt=now)
        case "expiring":
            return alive & Q(x509__not_before__lte=now, x509__expiring_from__lte=now, x509__not_after__gte=now)
        case "valid":
            return alive & Q(x509__not_before__lte=now, x509__expiring_from__gt=now)
    sentence = f"A status is one of {', '.join(STATUSES)}."
    raise Refused(sentence, code="bad-filter", fields=[FieldError("status", sentence)])


def in_order(rows: QuerySet[models.Certificate], sort: str = "name") -> QuerySet[models.Certificate]:
    """The rows sorted. Raises `Refused`."""
    if sort not in SORTS:
        sentence = f"The list is sorted by one of {', '.join(SORTS)}."
        raise Refused(sentence, code="bad-filter", fields=[FieldError("sort", sentence)])
    sign = "-" if sort.startswith("-") else ""
    match sort.lstrip("-"):
        case "valid_until":
            return _by_first_end(rows).order_by(f"{sign}valid_until", "name_key")
        case "changed":
            return rows.order_by(f"{sign}changed_at", "name_key")
        case _:
            return rows.order_by(f"{sign}name_key")


def _by_first_end(rows: QuerySet[models.Certificate]) -> QuerySet[models.Certificate]:
    """Each certificate with the end of that entry which ends first.

    Said as "no other ends before it", not as a minimum: so the rows come in the order of an index, and a page reads no
    more of them than it shows.
    """
    rows = rows.annotate(first=FilteredRelation("entries")).filter(first__isnull=False)
    # By names: a reference along the relation would join the entries once more, and mean any of them.
    rows = rows.annotate(valid_until=F("first__x509__not_after"), number=F("first__pk"))
    end, own = OuterRef("valid_until"), models.Entry.objects.filter(certificate=OuterRef("pk"))
    sooner = own.filter(Q(x509__not_after__lt=end) | Q(x509__not_after=end, pk__lt=OuterRef("number")))
    return rows.filter(~Exists(sooner))


def entry_status(entry: models.Entry, now: datetime) -> str:
    """The entry's status at that moment (D-12)."""
    return status(entry.x509.not_before, entry.x509.not_after, now, entry.revoked)


def is_in_force(entry: models.Entry, newest: Mapping[int, Newest]) -> bool:
    """Whether the environment's newest release holds this very certificate under this alias (D-21)."""
    release = newest.get(entry.environment_id)
    return release is not None and in_force.held(release).holds(entry.alias, entry.x509_id)


class Around(NamedTuple):
    """What entries are held against when they are shown: what is in force, and who else has their keys."""

    newest: Mapping[int, Newest]
    by_key: Mapping[str, Alike]


def around_later(certificates: Iterable[models.Certificate]) -> Callable[[], Around]:
    """Of certificates that know their entries, with the next statement of the transaction under way.

    Call the result after that.
    """
    newest = releases.latest_of_all_later()
    by_key = alike.of_keys_later(entry.x509.spki_sha256 for one in certificates for entry in one.known_entries)
    return lambda: Around(newest(), by_key())


def certificate_json(certificate: models.Certificate, around: Around | None = None) -> dict[str, Any]:
    """The *Certificate* of the REST API, with what is found when its entries are held against all that is stored."""
    return certificates_json([certificate], around=around)[0]


def certificates_json(
    certificates: Sequence[models.Certificate], now: datetime | None = None, around: Around | None = None
) -> list[dict[str, Any]]:
    """The same of each, with a fixed number of queries."""
    now = now or timezone.now()
    bring_entries(certificates)
    newest, by_key = around or around_later(certificates)()
    entries = [entry for certificate in certificates for entry in certificate.known_entries]
    _bring_jwks(entries)
    beside = findings.beside(entries, by_key)
    left_out = omissions.of_entries(entries, now, {} if around else None)  # a save has judged the aliases of new ones
    return [
        {
            "name": certificate.name,
            "description": certificate.description,
            "version": certificate.version,
            "entries": [
                _entry_json(entry, now, newest, beside, left_out.get(entry.pk)) for entry in certificate.known_entries
            ],
        }
        for certificate in certificates
    ]


def bring_entries(certificates: Iterable[models.Certificate]) -> None:
    """Gives the certificates their `known_entries`, with two queries for all."""
    asked = _lacking(certificates, "known_entries")
    if not asked:
        return
    entries = list(models.Entry.objects.filter(certificate__in=list(asked)).select_related("x509"))
    places = models.Environment.objects.in_bulk({entry.environment_id for entry in entries})
    for entry in entries:
        entry.certificate, entry.environment = asked[entry.certificate_id], places[entry.environment_id]
        entry.certificate.known_entries.append(entry)


def _bring_jwks(entries: Iterable[models.Entry]) -> None:
    """Gives the entries the names of their JWKs, with one query for all."""
    asked = _lacking(entries, "known_jwks")
    if not asked:
        return
    named = models.Jwk.objects.filter(entry__in=list(asked)).order_by().values_list("name", "entry_id")
    for name, pk in sorted(named):
        asked[pk].known_jwks.append(name)


def _lacking(rows: Iterable[Row], known: str) -> dict[int, Row]:
    """By their numbers those that do not know this of theirs yet; each has an empty list for it now."""
    asked = {row.pk: row for row in rows if not hasattr(row, known)}
    for row in asked.values():
        setattr(row, known, [])
    return asked


def _entry_json(
    entry: models.Entry,
    now: datetime,
    newest: Mapping[int, Newest],
    beside: dict[int, list[Finding]],
    why: Why | None,
) -> dict[str, Any]:
    revoked = None
    if entry.revoked_at is not None:
        revoked = {"at": rfc3339(entry.revoked_at), "by": entry.revoked_by, "reason": entry.revoked_reason}
    return {
        **findings.facts(entry.x509.read()),
        "status": entry_status(entry, now),
        "findings": [one.json() for one in findings.of_entry(entry, now, beside)],
        "environment": entry.environment.name,
        "alias": entry.alias,
        "source": {"kind": entry.source_kind, "url": entry.source_url or None},
        "revoked": revoked,
        "connected_jwks": entry.known_jwks,
        "in_force": is_in_force(entry, newest),
        "left_out": why.sentence if why else None,
    }
