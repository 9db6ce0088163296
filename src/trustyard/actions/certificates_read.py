"""Certificates as they are read: found, filtered, sorted, and shown as the contract's *Certificate*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from trustyard import models
from trustyard.errors import FieldError, Refused
from trustyard.pki.certificates import facts_json, rfc3339, status
from trustyard.pki.findings import Finding
from trustyard.pki.names import fold, search_fold

from . import findings, found, releases
from .actors import Actor
from .permissions import require

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


def find(
    actor: Actor,
    *,
    q: str = "",
    environment: str = "",
    status: str = "",
    expires_within: int | None = None,
    connected_jwks: bool | None = None,
    sort: str = "name",
) -> QuerySet[models.Certificate]:
    """Certificates with an entry that fits every filter, entries and X.509 facts loaded with a fixed number of queries.

    `q` searches name, description, alias, subject, issuer, serial, fingerprints and SANs; `expires_within` is in days.
    Raises `Refused` for an unknown status, sort or environment.
    """
    require(actor, "certificates.read")
    fitting = Q()
    if environment:
        fitting &= Q(environment=found.environment(environment))
    if status:
        fitting &= _of_status(status)
    if expires_within is not None:
        now = timezone.now()
        fitting &= Q(x509__not_after__gte=now, x509__not_after__lte=_later(now, expires_within))
    rows = models.Certificate.objects.all()
    if fitting:
        rows = rows.filter(pk__in=models.Entry.objects.filter(fitting).values("certificate_id"))
    if connected_jwks is not None:
        connected = models.Entry.objects.filter(jwks__isnull=False).values("certificate_id")
        rows = rows.filter(pk__in=connected) if connected_jwks else rows.exclude(pk__in=connected)
    if q.strip():
        rows = rows.filter(_matching(q.strip()))
    return _sorted(rows, sort).prefetch_related("entries__x509", "entries__environment", "entries__jwks")


def _later(now: datetime, days: int) -> datetime:
    return now + timedelta(days=max(0, min(days, 1_000_000)))


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


def _matching(text: str) -> Q:
    digits = text.replace(":", "").replace(" ", "").lower()
    folded = search_fold(text)
    entry = Q(alias_key__contains=fold(text)) | Q(x509__search_text__contains=folded)
    if digits and all(c in "0123456789abcdef-" for c in digits):
        entry |= Q(x509__serial_hex__contains=digits.lstrip("0") or "0")
        entry |= Q(x509__sha256__startswith=digits) | Q(x509__sha1__startswith=digits)
    with_entry = models.Entry.objects.filter(entry).values("certificate_id")
    return Q(search_text__contains=folded) | Q(pk__in=with_entry)


def _sorted(rows: QuerySet[models.Certificate], sort: str) -> QuerySet[models.Certificate]:
    if sort not in SORTS:
        sentence = f"The list is sorted by one of {', '.join(SORTS)}."
        raise Refused(sentence, code="bad-filter", fields=[FieldError("sort", sentence)])
    sign = "-" if sort.startswith("-") else ""
    match sort.lstrip("-"):
        case "valid_until":
            return rows.annotate(valid_until=Min("entries__x509__not_after")).order_by(f"{sign}valid_until", "name_key")
        case "changed":
            return rows.order_by(f"{sign}changed_at", "name_key")
        case _:
            return rows.order_by(f"{sign}name_key")


def entry_status(entry: models.Entry, now: datetime) -> str:
    """The entry's status at that moment (D-12)."""
    return status(entry.x509.not_before, entry.x509.not_after, now, entry.revoked)


def is_in_force(entry: models.Entry, newest: Mapping[int, releases.Newest]) -> bool:
    """Whether the environment's newest release holds this very certificate under this alias (D-21)."""
    release = newest.get(entry.environment_id)
    return release is not None and releases.in_force(release).get(entry.alias) == entry.x509_id


def certificate_json(certificate: models.Certificate, now: datetime | None = None) -> dict[str, Any]:
    """The contract's *Certificate*, with what is found when its entries are held against all that is stored."""
    return certificates_json([certificate], now)[0]


def certificates_json(certificates: Sequence[models.Certificate], now: datetime | None = None) -> list[dict[str, Any]]:
    """The contract's *Certificate* of each, with a fixed number of queries for those that `find` loaded."""
    now = now or timezone.now()
    newest = releases.latest_of_all()
    rows = {certificate.pk: _entries(certificate) for certificate in certificates}
    beside = findings.beside([entry for entries in rows.values() for entry in entries])
    return [
        {
            "name": certificate.name,
            "description": certificate.description,
            "version": certificate.version,
            "entries": [_entry_json(entry, now, newest, beside) for entry in rows[certificate.pk]],
        }
        for certificate in certificates
    ]


def _entries(certificate: models.Certificate) -> list[models.Entry]:
    rows = certificate.entries.all()
    if "entries" not in getattr(certificate, "_prefetched_objects_cache", {}):
        rows = rows.select_related("x509", "environment").prefetch_related("jwks")
    return sorted(rows, key=lambda entry: entry.environment_id)


def _entry_json(
    entry: models.Entry,
    now: datetime,
    newest: Mapping[int, releases.Newest],
    beside: dict[int, list[Finding]],
) -> dict[str, Any]:
    revoked = None
    if entry.revoked_at is not None:
        revoked = {"at": rfc3339(entry.revoked_at), "by": entry.revoked_by, "reason": entry.revoked_reason}
    return {
        **facts_json(entry.x509.read(), now, entry.revoked),
        "findings": [one.json() for one in findings.of_entry(entry, now, beside)],
        "environment": entry.environment.name,
        "alias": entry.alias,
        "source": {"kind": entry.source_kind, "url": entry.source_url or None},
        "revoked": revoked,
        "connected_jwks": sorted(jwk.name for jwk in entry.jwks.all()),
        "in_force": is_in_force(entry, newest),
    }
