"""The truststore of an environment: what is in force, what waits, where each row comes from; and its export."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from trustyard.errors import FieldError, Refused
from trustyard.gateways.contents import for_java
from trustyard.pki import findings as pki_findings
from trustyard.pki.content import Content, Material
from trustyard.pki.filenames import safe_filename
from trustyard.pki.names import search_fold
from trustyard.pki.truststores import (
    fits_java,
    fits_pkcs12,
    jks,
    pem_bundle,
    pkcs7,
    pkcs12,
    root_alias,
    sha256sums,
    zip_of,
)

from . import delivery, environments, releases, truststore_rows
from .actors import Actor
from .certificates_read import STATUSES
from .files import File
from .found import sought
from .permissions import require
from .truststore_rows import Rows, Slot

FORMATS = ("pem", "zip", "pkcs7", "pkcs12", "jks")
INCLUDED = ("all", "used", "roots")
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
) -> Rows:
    """The rows of the newest release, and saved ones that no release holds yet, entries first, by alias.

    `pending` is null, `added`, `removed` or `changed` against what the next release would hold; `reason` says why in
    a sentence, and `left_out` why releases do not take what is saved there as it is now. `severity` and `finding` keep
    rows with such a finding. Raises `NotFound`, `Refused` for a filter that is none of the known words.
    """
    require(actor, "truststore.read")
    place = environments.get(actor, environment)
    for field, value, known in (
        ("origin", origin, ORIGINS),
        ("status", status, STATUSES),
        ("severity", severity, pki_findings.SEVERITIES),
        ("finding", finding, tuple(pki_findings.CATALOGUE)),
    ):
        if value and value not in known:
            sentence = f"The {field} is one of {', '.join(known)}."
            raise Refused(sentence, code="bad-filter", fields=[FieldError(field, sentence)])
    now, text = timezone.now(), _searched(q)
    newest = releases.latest_known(place)
    held = truststore_rows.held(newest) if newest else Content(place.name)
    saved = truststore_rows.saved(place, with_text=bool(text) and origin != "root")
    wanted = releases.build(place, now, saved)
    slots: list[Slot] = []
    if origin != "root":
        slots += truststore_rows.entry_slots(held, wanted, saved, text)
    if origin != "certificate":
        slots += truststore_rows.root_slots(held, wanted, text)
    shown = Rows([slot for slot in slots if not status or slot.status(now) == status], now)
    return shown.with_finding(severity, finding) if severity or finding else shown


def standing(actor: Actor, environment: str) -> dict[str, Any] | None:
    """What gateways said of the release whose rows are in force (D-21), with the worst of their states.

    None where no release was made yet. Raises `NotFound`.
    """
    require(actor, "truststore.read")
    found = delivery.in_force(environments.get(actor, environment))
    if found is None:
        return None
    release, said = found
    return {"number": release.number, "state": delivery.overall(said), "gateways": [row.json() for row in said]}


def _searched(q: str) -> str:
    """The text as it is compared; a fingerprint or serial may be written with colons, and a serial with zeros ahead."""
    text = search_fold(sought(q))
    digits = text.replace(":", "")
    if digits in ("", text) or not set(digits) <= set("0123456789abcdef"):
        return text
    return digits.lstrip("0") or digits


def export(
    actor: Actor,
    environment: str,
    *,
    format: str = "pem",
    include: str = "all",
    password: str = "changeit",  # noqa: S107 - Java's own; a truststore holds public material
) -> File:
    """The truststore in force as a file. `include` is `all`, `used` (without roots) or `roots`.

    Raises `Refused` for an unknown format, and when nothing is in force: an empty truststore is never handed out.
    """
    require(actor, "truststore.read")
    place = environments.get(actor, environment)
    _check(format, include, password)
    material = delivery.wanted(place.name)
    if material is None:
        sentence = f"{place.name} has no release yet, so there is nothing to export."
        raise Refused(sentence, code="nothing-to-export", advice="Deploy it first.")
    named = _named(material, include)
    if not named:
        but = "but the root set " if material.content.roots else ""
        what = "No root set" if include == "roots" else f"Nothing {but}".strip()
        raise Refused(f"{what} is in force in {place.name} to export.", code="nothing-to-export")
    return _file(place.name, format, named, password, material.created_at)


def _named(material: Material, include: str) -> list[tuple[str, str, bytes]]:
    if include == "roots":
        return [(root_alias(sha256), sha256, material.ders[sha256]) for sha256 in material.content.roots]
    return material.named(roots=include == "all")


def _check(format: str, include: str, password: str) -> None:
    for field, value, known in (("format", format, FORMATS), ("include", include, INCLUDED)):
        if value not in known:
            sentence = f"The {field} is one of {', '.join(known)}."
            raise Refused(sentence, code="bad-format", fields=[FieldError(field, sentence)])
    if format in ("pkcs12", "jks") and not 6 <= len(password) <= 128:
        sentence = "A truststore's password has 6 to 128 characters; Java refuses shorter ones."
        raise Refused(sentence, code="bad-password", fields=[FieldError("password", sentence)])
    if format == "pkcs12" and not fits_java(password):
        sentence = (
            "Java opens no PKCS#12 file whose password has characters other than those of ASCII, from space to ~."
        )
        advice = "Choose another password, or the format jks, which takes any."
        raise Refused(sentence, code="bad-password", advice=advice, fields=[FieldError("password", sentence)])


def _file(
    environment: str, format: str, named: Sequence[tuple[str, str, bytes]], password: str, moment: datetime
) -> File:
    base = f"truststore-{safe_filename(environment)}"
    once = [der for _, _, der in named]
    match format:
        case "pem":
            return File(f"{base}.pem", "application/x-pem-file", pem_bundle(once))
        case "pkcs7":
            return File(f"{base}.p7b", "application/x-pkcs7-certificates", pkcs7(once))
        case "pkcs12":
            readable = [(alias, der) for alias, der in for_java(named) if fits_pkcs12(der)]
            return File(f"{base}.p12", "application/x-pkcs12", pkcs12(_some(readable), password))
        case "jks":
            return File(f"{base}.jks", "application/x-java-keystore", jks(_some(for_java(named)), password, moment))
    files = {f"{safe_filename(alias)}.cer": der for alias, _, der in named}
    return File(f"{base}.zip", "application/zip", zip_of({**files, "SHA256SUMS": sha256sums(files)}, moment))


def _some(entries: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """These, if there are any: an empty truststore is never handed out."""
    if not entries:
        sentence = "None of these certificates can stand in a Java truststore of this format."
        raise Refused(sentence, code="not-for-java", advice="Choose another format.")
    return entries
