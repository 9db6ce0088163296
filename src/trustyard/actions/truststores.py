"""The truststore of an environment: what is in force, what waits, where each row comes from; and its export."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from trustyard import models
from trustyard.errors import FieldError, Refused
from trustyard.pki import findings as pki_findings
from trustyard.pki.certificates import Certificate, facts_json, status
from trustyard.pki.content import Content
from trustyard.pki.filenames import safe_filename
from trustyard.pki.names import search_fold
from trustyard.pki.truststores import (
    fits_pkcs12,
    java_aliases,
    jks,
    pem_bundle,
    pkcs7,
    pkcs12,
    root_alias,
    sha256sums,
    zip_of,
)

from . import delivery, environments, findings, releases
from .actors import Actor
from .files import File
from .permissions import require

FORMATS = ("pem", "zip", "pkcs7", "pkcs12", "jks")
ORIGINS = ("certificate", "root")


def rows(
    actor: Actor,
    environment: str,
    *,
    q: str = "",
    origin: str = "",
    status: str = "",
    severity: str = "",
    finding: str = "",
) -> list[dict[str, Any]]:
    """The rows of the newest release, and saved ones that no release holds yet, entries first, by alias.

    `pending` is null, `added`, `removed` or `changed` against what the next release would hold; `reason` says why in
    a sentence. `severity` and `finding` keep rows with such a finding. Raises `NotFound`, `Refused` for an unknown
    origin, severity or finding.
    """
    require(actor, "truststore.read")
    place = environments.get(actor, environment)
    for field, value, known in (
        ("origin", origin, ORIGINS),
        ("severity", severity, pki_findings.SEVERITIES),
        ("finding", finding, tuple(pki_findings.CATALOGUE)),
    ):
        if value and value not in known:
            sentence = f"The {field} is one of {', '.join(known)}."
            raise Refused(sentence, code="bad-filter", fields=[FieldError(field, sentence)])
    now = timezone.now()
    newest = releases.latest(place.pk)
    held = newest.read() if newest else Content(place.name)
    wanted = releases.build(place, now)
    shown: list[dict[str, Any]] = []
    if origin != "root":
        shown += _entry_rows(held, wanted, now)
    if origin != "certificate":
        shown += _root_rows(held, wanted, now)
    return [
        row
        for row in shown
        if (not status or row["status"] == status) and _found(row, severity, finding) and _matches(row, q)
    ]


def _entry_rows(held: Content, wanted: Content, now: datetime) -> list[dict[str, Any]]:
    before = {entry.alias: entry for entry in held.entries}
    after = {entry.alias: entry for entry in wanted.entries}
    reasons = {left.alias: left.reason for left in wanted.left_out}
    left_out = _left_out({*before, *after}, wanted)
    read = stored({e.sha256 for e in (*held.entries, *wanted.entries)})
    revoked = set(
        models.Entry.objects.filter(environment__name=wanted.environment, revoked_at__isnull=False).values_list(
            "alias", flat=True
        )
    )
    shown = []
    for alias in sorted({*before, *after}, key=lambda text: (text.casefold(), text)):
        old, new = before.get(alias), after.get(alias)
        entry = old or new
        assert entry is not None
        pending = _pending(old.sha256 if old else None, new.sha256 if new else None)
        row = _row(read[entry.sha256], alias, "certificate", now, pending, revoked=alias in revoked)
        row["certificate"] = entry.certificate
        row["reason"] = _reason(pending, reasons.get(alias, ""))
        shown.append(row)
    for saved in left_out:
        row = _row(saved.x509.read(), saved.alias, "certificate", now, "added")
        shown.append(row | {"certificate": saved.certificate.name, "reason": f"Left out. {reasons[saved.alias]}"})
    return sorted(shown, key=lambda row: (row["alias"].casefold(), row["alias"]))


def _left_out(shown: set[str], wanted: Content) -> list[models.Entry]:
    # Saved and waiting, though not for a release but for a moment or another certificate (D-25). What was revoked is
    # not waiting for anything.
    aliases = {left.alias for left in wanted.left_out} - shown
    rows = models.Entry.objects.filter(environment__name=wanted.environment, alias__in=aliases, revoked_at__isnull=True)
    return list(rows.select_related("x509", "certificate"))


def _root_rows(held: Content, wanted: Content, now: datetime) -> list[dict[str, Any]]:
    before, after = set(held.roots), set(wanted.roots)
    read = stored(before | after)
    shown = []
    for sha256 in sorted(before | after, key=lambda s: (read[s].facts.certificate_name.casefold(), s)):
        pending = _pending(sha256 if sha256 in before else None, sha256 if sha256 in after else None)
        row = _row(read[sha256], root_alias(sha256), "root", now, pending)
        row["certificate"] = None
        row["reason"] = _reason(pending, "")
        shown.append(row)
    return shown


def _pending(old: str | None, new: str | None) -> str | None:
    if old == new:
        return None
    if old is None:
        return "added"
    return "removed" if new is None else "changed"


def _reason(pending: str | None, left_out: str) -> str | None:
    match pending:
        case "added":
            return "Saved; in force with the next release."
        case "changed":
            return "Another certificate is saved; it is in force with the next release."
        case "removed":
            return f"Goes with the next release. {left_out}".strip()
    return None


def stored(digests: Iterable[str]) -> dict[str, Certificate]:
    """Certificates by their SHA-256, also roots of Mozilla's set that no release holds yet."""
    wanted = set(digests)
    found = {row.pk: row.read() for row in models.StoredCertificate.objects.filter(pk__in=wanted)}
    missing = wanted - found.keys()
    if missing:  # roots of a set that no release holds yet
        from .roots import mozilla

        found |= {root.sha256: root for root in mozilla() if root.sha256 in missing}
    return found


@functools.lru_cache(maxsize=1024)
def _facts(certificate: Certificate) -> dict[str, Any]:
    return facts_json(certificate, certificate.facts.not_before)  # what passes with time is written over it below


def _row(
    certificate: Certificate, alias: str, origin: str, now: datetime, pending: str | None, *, revoked: bool = False
) -> dict[str, Any]:
    facts = certificate.facts
    state = status(facts.not_before, facts.not_after, now, revoked)
    found = [one.json() for one in findings.at(certificate, now)]
    return {
        **_facts(certificate),
        "status": state,
        "findings": found,
        "alias": alias,
        "origin": origin,
        "pending": pending,
    }


def _found(row: dict[str, Any], severity: str, code: str) -> bool:
    found = row["findings"]
    return (not severity or any(one["severity"] == severity for one in found)) and (
        not code or any(one["code"] == code for one in found)
    )


def _matches(row: dict[str, Any], q: str) -> bool:
    text = search_fold(q.strip())
    if not text:
        return True
    fields = ("alias", "certificate", "certificate_name", "subject", "issuer", "serial_hex", "sha256", "sha1")
    values = [str(row[name] or "") for name in fields] + [san["value"] for san in row["sans"]]
    return any(text in search_fold(value) for value in values)


def export(
    actor: Actor,
    environment: str,
    *,
    format: str = "pem",
    include: str = "all",
    password: str = "changeit",  # noqa: S107 - Java's own; a truststore holds public material
) -> File:
    """The truststore in force as a file. `include` is `all` or `used` (without roots).

    Raises `Refused` for an unknown format, and when nothing is in force: an empty truststore is never handed out.
    """
    require(actor, "truststore.read")
    place = environments.get(actor, environment)
    _check(format, include, password)
    material = delivery.wanted(place.name)
    named = material.named(roots=include == "all") if material is not None else []
    if not named or material is None:
        raise Refused(f"Nothing is in force in {place.name} to export.", code="nothing-to-export")
    return _file(place.name, format, named, password, material.created_at)


def _check(format: str, include: str, password: str) -> None:
    for field, value, known in (("format", format, FORMATS), ("include", include, ("all", "used"))):
        if value not in known:
            sentence = f"The {field} is one of {', '.join(known)}."
            raise Refused(sentence, code="bad-format", fields=[FieldError(field, sentence)])
    if format in ("pkcs12", "jks") and not 6 <= len(password) <= 128:
        sentence = "A truststore's password has 6 to 128 characters; Java refuses shorter ones."
        raise Refused(sentence, code="bad-password", fields=[FieldError("password", sentence)])


def _file(
    environment: str, format: str, named: Sequence[tuple[str, str, bytes]], password: str, moment: datetime
) -> File:
    base = f"truststore-{safe_filename(environment)}"
    once = [der for _, _, der in named]
    aliases = java_aliases((alias, sha256) for alias, sha256, _ in named)  # Java loses one of two that look alike
    for_java = list(zip(aliases, once, strict=True))
    match format:
        case "pem":
            return File(f"{base}.pem", "application/x-pem-file", pem_bundle(once))
        case "pkcs7":
            return File(f"{base}.p7b", "application/x-pkcs7-certificates", pkcs7(once))
        case "pkcs12":
            readable = [(alias, der) for alias, der in for_java if fits_pkcs12(der)]
            return File(f"{base}.p12", "application/x-pkcs12", pkcs12(readable, password))
        case "jks":
            return File(f"{base}.jks", "application/x-java-keystore", jks(for_java, password, moment))
    files = {f"{safe_filename(alias)}.cer": der for alias, _, der in named}
    return File(f"{base}.zip", "application/zip", zip_of({**files, "SHA256SUMS": sha256sums(files)}, moment))
