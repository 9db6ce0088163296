"""Findings that need the store: the same certificate or key elsewhere, an issuer that is missing; and lists' marks."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet

from trustyard import models
from trustyard.models.written import Written
from trustyard.pki import findings as pki
from trustyard.pki.certificates import Certificate, facts_json
from trustyard.pki.findings import Finding, Severity, finding, shown

from . import roots

_NAMED = 5  # others, by name
_MOST_NAMED = 1000  # rows to name others by; thousands of one key cost no more than these
_FEW = 200
_MOST_MARKS = 100_000
_MARKED: tuple[Severity, ...] = ("error", "warning")


class _Other(NamedTuple):
    """Another entry, as it is named."""

    key: str
    sha256: str
    pk: int
    environment_id: int
    environment: str
    alias: str
    certificate: str


@functools.lru_cache(maxsize=1024)
def _lasting(certificate: Certificate) -> tuple[Finding, ...]:
    return pki.lasting(certificate)


@functools.lru_cache(maxsize=1024)
def facts(certificate: Certificate) -> dict[str, Any]:
    """The X.509 facts as JSON values, worked out once; the status is not that of now and is to be written over."""
    return facts_json(certificate, certificate.facts.not_before)


def at(certificate: Certificate, now: datetime) -> tuple[Finding, ...]:
    """What is found with the certificate itself; what does not depend on the moment is worked out once."""
    passing = pki.passing(certificate, now)
    return pki.worst_first((*passing, *_lasting(certificate))) if passing else _lasting(certificate)


def mark(stored: Iterable[models.StoredCertificate]) -> Severity | None:
    """`error` or `warning`, for the mark in a list: the worst that is found with them, whatever the moment.

    What passes with time stands there as a status already.
    """
    return _worst(_mark(row) for row in stored)


_marks: dict[str, Severity | None] = {}  # by SHA-256, so that a list reads no certificate twice


def _mark(row: models.StoredCertificate) -> Severity | None:
    if row.pk in _marks:
        return _marks.get(row.pk)
    found = _worst(one.severity for one in pki.lasting(row.read()))
    if len(_marks) >= _MOST_MARKS:
        _marks.clear()
    _marks[row.pk] = found
    return found


def _worst(severities: Iterable[Severity | None]) -> Severity | None:
    present = set(severities)
    return next((severity for severity in _MARKED if severity in present), None)


def of_entry(entry: models.Entry, now: datetime, beside: dict[int, list[Finding]]) -> tuple[Finding, ...]:
    """All that is found with an entry, worst first; `beside` is what the function of that name answered."""
    return pki.worst_first((*at(entry.x509.read(), now), *beside.get(entry.pk, ())))


def beside(entries: Sequence[models.Entry]) -> dict[int, list[Finding]]:
    """By entry: what is found when it is held against what else is stored, with a few queries for all of them.

    The entries come with their certificates and environments loaded. Revoked ones are not trusted, so they double
    nobody; their own findings are worked out all the same.
    """
    doubles, shared = _alike(entries)
    missing = _without_issuer(entries)
    found: dict[int, list[Finding]] = {}
    for entry in entries:
        place, own = entry.environment, found.setdefault(entry.pk, [])
        same = [o for o in doubles.get((entry.x509_id, place.pk), ()) if o.pk != entry.pk]
        if same:
            words = _listed((f"{o.alias} (certificate {o.certificate})" for o in same), len(same))
            own.append(finding("duplicate", environment=place.name, others=words))
        if roots.holds(place, entry.x509_id):
            own.append(finding("in-root-set", environment=place.name))
        if entry.x509.spki_sha256 in shared:
            count, others = shared[entry.x509.spki_sha256]
            named = (
                f"{o.alias} in {o.environment} (certificate {o.certificate})"
                for o in others
                if o.sha256 != entry.x509_id
            )
            own.append(finding("same-key", others=_listed(named, count - 1)))
        if entry.pk in missing:
            own.append(finding("issuer-missing", environment=place.name, issuer=shown(entry.x509.issuer)))
    return found


Doubles = dict[tuple[str, int], list[_Other]]
Shared = dict[str, tuple[int, list[_Other]]]


def _alike(entries: Sequence[models.Entry]) -> tuple[Doubles, Shared]:
    """What `_doubles` and `_shared_keys` say, with one query where few have these keys, as nearly always."""
    few = [_Other(*row) for row in _OF_KEYS.rows(*{entry.x509.spki_sha256 for entry in entries})] if entries else []
    if len(few) == _FEW:
        return _doubles(entries), _shared_keys(entries)
    doubles: Doubles = {}
    by_key: dict[str, list[_Other]] = {}
    for other in few:
        doubles.setdefault((other.sha256, other.environment_id), []).append(other)
        by_key.setdefault(other.key, []).append(other)
    counts = {key: len({other.sha256 for other in others}) for key, others in by_key.items()}
    return doubles, {key: (count, by_key[key]) for key, count in counts.items() if count > 1}


def _doubles(entries: Sequence[models.Entry]) -> Doubles:
    """By certificate and environment: every entry that holds it there."""
    found: Doubles = {}
    for other in map(_Other._make, _others(Q(x509__in={entry.x509_id for entry in entries}))):
        found.setdefault((other.sha256, other.environment_id), []).append(other)
    return found


def _shared_keys(entries: Sequence[models.Entry]) -> Shared:
    """By key, where several certificates have it: how many, and the first of the entries that hold them.

    Somebody may have thousands of one key: they are counted by the database, and some are named.
    """
    counted = (
        models.Entry.objects.filter(
            x509__spki_sha256__in={entry.x509.spki_sha256 for entry in entries}, revoked_at__isnull=True
        )
        .values_list("x509__spki_sha256")
        .annotate(count=Count("x509", distinct=True))
        .filter(count__gt=1)
    )
    found: Shared = {key: (count, []) for key, count in counted}
    for other in map(_Other._make, _others(Q(x509__spki_sha256__in=found), _MOST_NAMED) if found else ()):
        found[other.key][1].append(other)
    return found


def _others(which: Q, most: int | None = None) -> QuerySet[models.Entry, tuple[Any, ...]]:
    rows = models.Entry.objects.filter(which, revoked_at__isnull=True).order_by("alias_key", "environment_id")
    columns = ("x509__spki_sha256", "x509", "pk", "environment", "environment__name", "alias", "certificate__name")
    return rows.values_list(*columns)[:most]


_OF_KEYS = Written(lambda *keys: _others(Q(x509__spki_sha256__in=keys), _FEW))


def _without_issuer(entries: Sequence[models.Entry]) -> set[int]:
    """Intermediate CAs whose issuer, by its name, is not in the truststore of their environment."""
    asked = [entry for entry in entries if entry.x509.is_ca and entry.x509.subject != entry.x509.issuer]
    if not asked:
        return set()
    known = set(
        models.Entry.objects.filter(
            environment_id__in={entry.environment_id for entry in asked},
            x509__subject__in={entry.x509.issuer for entry in asked},
            revoked_at__isnull=True,
        ).values_list("environment_id", "x509__subject")
    )
    in_roots = {place.pk: roots.subjects(place) for place in {entry.environment for entry in asked}}
    return {
        entry.pk
        for entry in asked
        if (entry.environment_id, entry.x509.issuer) not in known
        and entry.x509.issuer not in in_roots[entry.environment_id]
    }


def _listed(words: Iterable[str], count: int) -> str:
    """The first of `count` things by name, and how many more there are."""
    named = list(islice(words, _NAMED))
    if not named:
        return f"{count} of them"
    return ", ".join(named) + (f" and {count - len(named)} more" if count > len(named) else "")
