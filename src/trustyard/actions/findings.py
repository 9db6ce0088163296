"""Findings that need the store: the same certificate or key elsewhere, an issuer that is missing; and lists' marks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from trustyard import models
from trustyard.pki import findings as pki
from trustyard.pki.certificates import Certificate, lasting_json
from trustyard.pki.findings import Finding, Severity, finding, shown
from trustyard.pki.remembering import CERTIFICATE, remembered
from trustyard.pki.sentences import few

from . import alike, roots
from .alike import NAMED, NOBODY, Alike

_MOST_MARKS = 100_000
_remembered = remembered(longest=CERTIFICATE, entries=1024, size=lambda certificate: len(certificate.der))
_MARKED: tuple[Severity, ...] = ("error", "warning")


@_remembered
def _lasting(certificate: Certificate) -> tuple[Finding, ...]:
    return pki.lasting(certificate)


@_remembered
def facts(certificate: Certificate) -> dict[str, Any]:
    """The X.509 facts as JSON values, computed once; the caller overwrites `status` and `findings`."""
    return lasting_json(certificate)


def at(certificate: Certificate, now: datetime) -> tuple[Finding, ...]:
    """What is found with the certificate itself; what does not depend on the moment is worked out once."""
    passing = pki.passing(certificate, now)
    return pki.worst_first((*passing, *_lasting(certificate))) if passing else _lasting(certificate)


def grave(certificate: Certificate) -> tuple[Finding, ...]:
    """What lasts and is of severity error: policies of environments are about these."""
    if _mark(certificate.sha256, lambda: certificate)[0] != "error":
        return ()
    return tuple(one for one in _lasting(certificate) if one.severity == "error")


def mark(stored: Iterable[models.StoredCertificate]) -> Severity | None:
    """`error` or `warning`, for the mark in a list: the worst that is found with them, whatever the moment.

    What passes with time stands there as a status already.
    """
    present = {_mark(row.pk, row.read)[0] for row in stored}
    return next((severity for severity in _MARKED if severity in present), None)


def error(stored: models.StoredCertificate) -> str:
    """What is wrong with it whatever the moment, in a sentence; empty where nothing of severity error is found."""
    severity, message = _mark(stored.pk, stored.read)
    return message if severity == "error" else ""


def errors(digests: Iterable[str]) -> dict[str, str]:
    """By SHA-256 what `error` says of those of which it says something. Only what is not known yet is read."""
    wanted = set(digests)
    known = {sha256: _marks[sha256] for sha256 in wanted if sha256 in _marks}
    rows = models.StoredCertificate.objects.in_bulk(wanted - known.keys())
    known |= {sha256: _mark(sha256, row.read) for sha256, row in rows.items()}
    return {sha256: message for sha256, (severity, message) in known.items() if severity == "error"}


_Mark = tuple[Severity | None, str]  # the worst severity of those that are marked, and the first sentence of it
_marks: dict[str, _Mark] = {}  # by SHA-256, so that a list reads no certificate twice


def _mark(sha256: str, read: Callable[[], Certificate]) -> _Mark:
    if known := _marks.get(sha256):
        return known
    worst = next((one for one in _lasting(read()) if one.severity in _MARKED), None)
    found: _Mark = (worst.severity, worst.message) if worst else (None, "")
    if len(_marks) >= _MOST_MARKS:
        _marks.clear()
    _marks[sha256] = found
    return found


def of_entry(entry: models.Entry, now: datetime, beside: dict[int, list[Finding]]) -> tuple[Finding, ...]:
    """All that is found with an entry, worst first; `beside` is what the function of that name answered."""
    return pki.worst_first((*at(entry.x509.read(), now), *beside.get(entry.pk, ())))


def beside(entries: Sequence[models.Entry], by_key: Mapping[str, Alike] | None = None) -> dict[int, list[Finding]]:
    """By entry: what is found when it is held against what else is stored, with a few queries for all of them.

    The entries come with their certificates and environments loaded. Revoked ones are not trusted, so they double
    nobody; their own findings are worked out all the same. `by_key` is what `alike.of_keys` answers for them.
    """
    if by_key is None:
        by_key = alike.of_keys(entry.x509.spki_sha256 for entry in entries)
    doubles = alike.doubles(entries, by_key)
    missing = _without_issuer(entries)
    found: dict[int, list[Finding]] = {}
    for entry in entries:
        place, own = entry.environment, found.setdefault(entry.pk, [])
        same = [o for o in doubles.get((entry.x509_id, place.pk), ()) if o.pk != entry.pk]
        if same:
            words = alike.in_words((o.alias, o.certificate) for o in same)
            own.append(finding("duplicate", environment=place.name, others=words))
        if roots.holds(place, entry.x509_id):
            own.append(finding("in-root-set", environment=place.name))
        if with_its_key := _with_its_key(entry, by_key):
            own.append(finding("same-key", others=with_its_key))
        if entry.pk in missing:
            own.append(finding("issuer-missing", environment=place.name, issuer=shown(entry.x509.issuer)))
    return found


def _without_issuer(entries: Sequence[models.Entry]) -> set[int]:
    """Intermediate CAs whose issuer, by its name, is not in the truststore of their environment."""
    asked = [entry for entry in entries if entry.x509.is_ca and entry.x509.subject != entry.x509.issuer]
    if not asked:
        return set()
    known = alike.named(entry.x509.issuer for entry in asked)
    in_roots = {place.pk: roots.subjects(place) for place in {entry.environment for entry in asked}}
    return {
        entry.pk
        for entry in asked
        if (entry.x509.issuer, entry.environment_id) not in known
        and entry.x509.issuer not in in_roots[entry.environment_id]
    }


def _with_its_key(entry: models.Entry, by_key: Mapping[str, Alike]) -> str:
    shared = by_key.get(entry.x509.spki_sha256, NOBODY)
    others = [other for other in shared.others if other.sha256 != entry.x509_id]
    words = [f"{o.alias} in {o.environment} (certificate {o.certificate})" for o in others]
    return few(words, NAMED, over=shared.more)
